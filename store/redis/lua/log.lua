-- Reads entries of a log, from the one that holds a fact: header, value, header, value …
--
-- KEYS: the head of the partition, the log. ARGV: store id, lowest generation, number of the fact (20 digits), entries,
-- bytes.
local call = redis.call
local head = call('HMGET', KEYS[1], 'id', 'gen')
if head[1] ~= ARGV[1] then return {'other'} end
if tonumber(head[2]) < tonumber(ARGV[2]) then return {'back', head[2]} end
local count = call('LLEN', KEYS[2]) / 2
local low, high = 0, count -- the first entry that ends behind the fact
while low < high do
  local middle = math.floor((low + high) / 2)
  if string.sub(call('LINDEX', KEYS[2], 2 * middle), 21, 40) > ARGV[3] then high = middle else low = middle + 1 end
end
local last, room, chunk = math.min(count, low + tonumber(ARGV[4])), tonumber(ARGV[5]), 8
local out = {'ok', head[2]}
while low < last and room > 0 do
  local some = call('LRANGE', KEYS[2], 2 * low, 2 * math.min(low + chunk, last) - 1)
  for i = 1, #some, 2 do
    if room <= 0 then break end
    out[#out + 1] = some[i]
    out[#out + 1] = some[i + 1]
    room = room - #some[i + 1]
  end
  low = low + chunk
end
return out
