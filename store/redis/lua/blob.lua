-- Stores a blob that is not there yet, and notes when it was put. One that is there without such a note does not get one.
--
-- KEYS: the head of the partition, the blob, rows and index of the notes. ARGV: store id, lowest generation, bytes, member of
-- the notes, seconds, '1' when one that is new gets a note.
local call = redis.call
local head = call('HMGET', KEYS[1], 'id', 'gen')
if head[1] ~= ARGV[1] then return {'other'} end
if tonumber(head[2]) < tonumber(ARGV[2]) then return {'back', head[2]} end
if call('EXISTS', KEYS[2]) == 1 then
  if call('HEXISTS', KEYS[3], ARGV[4]) == 0 then return {'ok', head[2]} end
else
  call('SET', KEYS[2], ARGV[3])
  if ARGV[6] == '1' then call('ZADD', KEYS[4], 0, ARGV[4]) end
end
if call('ZSCORE', KEYS[4], ARGV[4]) then call('HSET', KEYS[3], ARGV[4], ARGV[5]) end
return {'ok', string.format('%.0f', call('HINCRBY', KEYS[1], 'gen', 1))}
