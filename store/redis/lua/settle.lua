-- Closes a unit whose answer was lost: from now on a copy of it that is still on its way changes nothing.
--
-- KEYS: the head of the partition. ARGV: store id, lowest generation, writer, number of the unit, its epoch.
local call = redis.call
local head = call('HMGET', KEYS[1], 'id', 'gen', 'epoch', 'writer', 'unit')
if head[1] ~= ARGV[1] then return {'other'} end
if tonumber(head[2]) < tonumber(ARGV[2]) then return {'back', head[2]} end
-- Under another epoch the copy is fenced, and the place belongs to the new owner.
local done = head[4] == ARGV[3] and tonumber(head[5]) >= tonumber(ARGV[4])
if not done and head[3] == ARGV[5] then
  call('HSET', KEYS[1], 'writer', ARGV[3], 'unit', ARGV[4], 'verdicts', '')
end
return {'ok', head[2]}
