-- Prolongs the lease of a partition from now on, or gives it back.
--
-- KEYS: the head of the partition. ARGV: store id, lowest generation, epoch, microseconds or 0 to give it back, a name
-- of the call by which a second copy knows that it was given back.
local call = redis.call
local head = call('HMGET', KEYS[1], 'id', 'gen', 'epoch', 'released')
if head[1] ~= ARGV[1] then return {'other'} end
if tonumber(head[2]) < tonumber(ARGV[2]) then return {'back', head[2]} end
if head[3] ~= ARGV[3] then
  if ARGV[4] == '0' and head[4] == ARGV[5] then return {'ok', head[2]} end
  return {'fenced', head[2]}
end
if ARGV[4] == '0' then
  local gen = string.format('%.0f', tonumber(head[2]) + 1)
  call('HSET', KEYS[1], 'gen', gen, 'released', ARGV[5])
  call('HDEL', KEYS[1], 'epoch', 'owner', 'until')
  return {'ok', gen}
end
local t = call('TIME')
local ends = string.format('%.0f', t[1] * 1000000 + t[2] + tonumber(ARGV[4]))
call('HSET', KEYS[1], 'until', ends)
return {'ok', head[2]}
