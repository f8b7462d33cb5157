-- Reads a page of an ordered table: whether more is left, then member, value, member, value …
--
-- KEYS: the head of the partition, rows, index. ARGV: store id, lowest generation, lower and upper bound as ZRANGEBYLEX
-- has them, "1" for downwards, records, bytes.
local call = redis.call
local head = call('HMGET', KEYS[1], 'id', 'gen')
if head[1] ~= ARGV[1] then return {'other'} end
if tonumber(head[2]) < tonumber(ARGV[2]) then return {'back', head[2]} end
local limit, room = tonumber(ARGV[6]), tonumber(ARGV[7])
local members
if ARGV[5] == '1' then
  members = call('ZREVRANGEBYLEX', KEYS[3], ARGV[4], ARGV[3], 'LIMIT', 0, limit + 1)
else
  members = call('ZRANGEBYLEX', KEYS[3], ARGV[3], ARGV[4], 'LIMIT', 0, limit + 1)
end
local out = {'ok', head[2], '0'}
for i, member in ipairs(members) do
  if i > limit or room <= 0 then
    out[3] = '1'
    break
  end
  local value = call('HGET', KEYS[2], member)
  if not value then return {'torn', head[2], member} end
  out[#out + 1] = member
  out[#out + 1] = value
  room = room - #member - #value
end
return out
