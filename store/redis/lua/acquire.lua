-- Takes a partition with a new epoch, by the server's clock. The epoch is that clock in microseconds, or one more than
-- the last: no epoch is given twice, even when the store was set back to an older state.
--
-- KEYS: the head of the partition. ARGV: store id, lowest generation, last epoch as the caller knows it, owner,
-- microseconds.
local call = redis.call
local head = call('HMGET', KEYS[1], 'id', 'gen', 'last', 'epoch', 'owner', 'until')
if head[1] ~= ARGV[1] then return {'other'} end
if tonumber(head[2]) < tonumber(ARGV[2]) then return {'back', head[2]} end
-- A copy of this call that comes late must not fence whom an earlier copy let in.
if head[3] ~= ARGV[3] then return {'moved', head[2], head[3]} end
local t = call('TIME')
local now = t[1] * 1000000 + t[2]
if head[4] and head[5] ~= ARGV[4] and now < tonumber(head[6]) then
  return {'held', head[2], string.format('%.0f', tonumber(head[6]) - now)}
end
local epoch = string.format('%.0f', math.max(now, tonumber(head[3]) + 1))
local gen = string.format('%.0f', tonumber(head[2]) + 1)
local ends = string.format('%.0f', now + tonumber(ARGV[5]))
call('HSET', KEYS[1], 'gen', gen, 'last', epoch, 'epoch', epoch, 'owner', ARGV[4], 'until', ends)
return {'ok', gen, epoch}
