-- Changes fields of hashes on a server where no field has an expiry of its own.
--
-- KEYS are the keys. ARGV for each: its shape, two marks for each field (what has to stand: '+' a
-- value or '-' none; what to write: '+' a value, '-' none or '=' nothing), then for each field its
-- name and the values that its marks announce.
local call, pcall, byte = redis.call, redis.pcall, string.byte
local keys, values = KEYS, ARGV
local SOME, NONE = byte('+'), byte('-')
local answer = {}
local at = 1
for i = 1, #keys do
  local key, shape = keys[i], values[at]
  local count = #shape / 2
  local names, wanted, set, gone = {}, {}, {}, {}
  for f = 1, count do
    local before, after = byte(shape, 2 * f - 1, 2 * f)
    at = at + 1
    local name = values[at]
    names[f] = name
    wanted[f] = false
    if before == SOME then
      at = at + 1
      wanted[f] = values[at]
    end
    if after == SOME then
      at = at + 1
      set[#set + 1] = name
      set[#set + 1] = values[at]
    elseif after == NONE then
      gone[#gone + 1] = name
    end
  end
  at = at + 1
  local stands = pcall('HMGET', key, unpack(names))
  -- A value of another type is an error here.
  local same, there = not stands.err, false
  if same then
    for f = 1, count do
      same = same and stands[f] == wanted[f]
      there = there or stands[f]
    end
  end
  -- A hash that is gone has no fields either, and is not made again.
  if same and (there or call('EXISTS', key) == 1) then
    if #set > 0 then call('HSET', key, unpack(set)) end
    if #gone > 0 then call('HDEL', key, unpack(gone)) end
    answer[i] = '1'
  else
    answer[i] = '0'
  end
end
return table.concat(answer)
