-- Applies the transactions of one partition, in order, each atomic by itself: all its conditions are looked at before its
-- first write. A copy of a unit that was carried out changes nothing; one of a unit that was refused is refused again,
-- because only a later unit of the same writer, or another owner, could have changed what it met.
--
-- KEYS: the head of the partition, then every key that the transactions name by its number.
-- ARGV: store id, lowest generation, writer, number of the unit, seconds that an id is kept; then
-- for each transaction:
--   epoch, key of its id or 0, appends, checks, puts, deletes, drops, sweeps (how many), and for each
--   append: log, first of the newest entry or "", first, next, value
--   check:  rows, member or "", "0" for absence or "1", value
--   put:    rows, index or 0, member or "", value
--   delete: rows, index or 0, member or ""
--   drop:   log
--   sweep:  blob, rows, index, member of the note of when it was put, seconds before which it must have been
local call = redis.call
local head = call('HMGET', KEYS[1], 'id', 'gen', 'epoch', 'writer', 'unit', 'verdicts')
if head[1] ~= ARGV[1] then return {'other'} end
local gen = tonumber(head[2])
if gen < tonumber(ARGV[2]) then return {'back', head[2]} end
local unit = tonumber(ARGV[4])
if head[4] == ARGV[3] then
  if tonumber(head[5]) == unit then return {'ok', head[2], head[6]} end
  if tonumber(head[5]) > unit then return {'late', head[2]} end
end

local function begins(log, first)
  local low, high = 0, call('LLEN', log) / 2 - 1
  while low <= high do
    local middle = math.floor((low + high) / 2)
    local found = string.sub(call('LINDEX', log, 2 * middle), 1, 20)
    if found == first then return true end
    if found < first then low = middle + 1 else high = middle - 1 end
  end
  return false
end

local function append(at)
  local log, prev, first = KEYS[tonumber(ARGV[at])], ARGV[at + 1], ARGV[at + 2]
  local newest, follows = call('LINDEX', log, -2), '00000000000000000001'
  if prev == '' then
    if newest then return 'C' end
  elseif newest and string.sub(newest, 1, 20) == prev then
    follows = string.sub(newest, 21, 40)
  elseif newest and begins(log, prev) then
    return 'C'
  else
    return 'R'
  end
  if first < follows then return 'C' end
  if first > follows then return 'G' end
  return '0'
end

local function holds(at)
  local rows, member, value = KEYS[tonumber(ARGV[at])], ARGV[at + 1], nil
  if member == '' then value = call('GET', rows) else value = call('HGET', rows, member) end
  if ARGV[at + 2] == '0' then return not value end
  return value == ARGV[at + 3]
end

local function verdict(at, appends, checks)
  if head[3] ~= ARGV[at] then return 'F' end
  local conflict
  at = at + 8
  for _ = 1, appends do
    local v = append(at)
    if v == 'C' then conflict = true elseif v ~= '0' then return v end
    at = at + 5
  end
  if conflict then return 'C' end
  for _ = 1, checks do
    if not holds(at) then return 'C' end
    at = at + 4
  end
  return '0'
end

local function remove(at, drops, sweeps)
  for _ = 1, drops do
    call('DEL', KEYS[tonumber(ARGV[at])])
    at = at + 1
  end
  for _ = 1, sweeps do
    local rows, index, member = KEYS[tonumber(ARGV[at + 1])], KEYS[tonumber(ARGV[at + 2])], ARGV[at + 3]
    local put = tonumber(call('HGET', rows, member) or nil)
    if put and put < tonumber(ARGV[at + 4]) then
      call('DEL', KEYS[tonumber(ARGV[at])])
      call('HDEL', rows, member)
      call('ZREM', index, member)
    end
    at = at + 5
  end
end

local function write(at, appends, checks, puts, deletes, drops, sweeps)
  local id, log = tonumber(ARGV[at + 1]), at + 8
  at = log + 5 * appends + 4 * checks
  for _ = 1, puts do
    local rows, index, member = KEYS[tonumber(ARGV[at])], tonumber(ARGV[at + 1]), ARGV[at + 2]
    if index == 0 then
      call('SET', rows, ARGV[at + 3])
    elseif call('HSET', rows, member, ARGV[at + 3]) == 1 then
      call('ZADD', KEYS[index], 0, member)
    end
    at = at + 4
  end
  for _ = 1, deletes do
    local rows, index, member = KEYS[tonumber(ARGV[at])], tonumber(ARGV[at + 1]), ARGV[at + 2]
    if index == 0 then
      call('DEL', rows)
    elseif call('HDEL', rows, member) == 1 then
      call('ZREM', KEYS[index], member)
    end
    at = at + 3
  end
  remove(at, drops, sweeps)
  for _ = 1, appends do
    call('RPUSH', KEYS[tonumber(ARGV[log])], ARGV[log + 2] .. ARGV[log + 3], ARGV[log + 4])
    log = log + 5
  end
  if id > 0 then call('SET', KEYS[id], '', 'EX', ARGV[5]) end
end

local verdicts, noted, at = {}, false, 6 -- behind the five of the unit itself
while at <= #ARGV do
  local appends, checks = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local puts, deletes = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  local drops, sweeps = tonumber(ARGV[at + 6]), tonumber(ARGV[at + 7])
  local v = verdict(at, appends, checks)
  if v == '0' then write(at, appends, checks, puts, deletes, drops, sweeps) end
  noted = noted or v == '0'
  verdicts[#verdicts + 1] = v
  at = at + 8 + 5 * appends + 4 * checks + 4 * puts + 3 * deletes + drops + 5 * sweeps
end
local answer = table.concat(verdicts)
if noted then
  gen = string.format('%.0f', gen + 1)
  call('HSET', KEYS[1], 'gen', gen, 'writer', ARGV[3], 'unit', ARGV[4], 'verdicts', answer)
  return {'ok', gen, answer}
end
return {'ok', head[2], answer}
