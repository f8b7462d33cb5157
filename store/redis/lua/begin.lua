-- Gives a partition of a store that is being made its head; one that has it stays as it is. One that has the head of the
-- generation before gets the new one, and whoever owned it does no longer.
--
-- KEYS: the head of the partition. ARGV: name of the store in heads, 0, that of the generation before or "".
local id = redis.call('HGET', KEYS[1], 'id')
if not id and ARGV[3] == '' then
  redis.call('HSET', KEYS[1], 'id', ARGV[1], 'gen', '0', 'last', '0')
elseif id and id == ARGV[3] then
  redis.call('HSET', KEYS[1], 'id', ARGV[1])
  redis.call('HDEL', KEYS[1], 'epoch', 'owner', 'until', 'writer', 'unit', 'verdicts')
elseif id ~= ARGV[1] then
  return {'other'}
end
return {'ok', redis.call('HGET', KEYS[1], 'gen')}
