-- Reads one value.
--
-- KEYS: the head of the partition, the value or its rows. ARGV: store id, lowest generation, member or "".
local call = redis.call
local head = call('HMGET', KEYS[1], 'id', 'gen')
if head[1] ~= ARGV[1] then return {'other'} end
if tonumber(head[2]) < tonumber(ARGV[2]) then return {'back', head[2]} end
if ARGV[3] == '' then return {'ok', head[2], call('GET', KEYS[2])} end
return {'ok', head[2], call('HGET', KEYS[2], ARGV[3])}
