-- Changes hashes on a server where each field may have an expiry, which HSET takes away.
--
-- KEYS are the keys. ARGV for each: the number of fields, then for each field its name, what has to
-- stand, its expiry (Unix milliseconds, -1 for none), what to write, the expiry to give; a value is
-- '+' and the bytes, or '-' for an absent field.
local answer = {}
local at = 1
for i = 1, #KEYS do
  local key, count = KEYS[i], tonumber(ARGV[at])
  local first = at + 1
  at = first + 5 * count
  local names = {}
  for f = 1, count do names[f] = ARGV[first + 5 * (f - 1)] end
  local same = redis.call('TYPE', key).ok == 'hash'
  if same then
    local stands = redis.call('HMGET', key, unpack(names))
    local expires = redis.call('HPEXPIRETIME', key, 'FIELDS', count, unpack(names))
    for f = 1, count do
      local wanted = ARGV[first + 5 * (f - 1) + 1]
      if stands[f] == false then
        same = same and wanted == '-'
      else
        same = same and wanted == '+' .. stands[f]
          and tonumber(ARGV[first + 5 * (f - 1) + 2]) == expires[f]
      end
    end
  end
  if same then
    local set, gone, expiring = {}, {}, {}
    for f = 1, count do
      local before, stood = ARGV[first + 5 * (f - 1) + 1], ARGV[first + 5 * (f - 1) + 2]
      local after, expiry = ARGV[first + 5 * (f - 1) + 3], ARGV[first + 5 * (f - 1) + 4]
      if after == '-' then
        if before ~= '-' then gone[#gone + 1] = names[f] end
      elseif after ~= before or expiry ~= stood then
        set[#set + 1] = names[f]
        set[#set + 1] = string.sub(after, 2)
        if expiry ~= '-1' then
          expiring[#expiring + 1] = names[f]
          expiring[#expiring + 1] = expiry
        end
      end
    end
    if #set > 0 then redis.call('HSET', key, unpack(set)) end
    for e = 1, #expiring, 2 do
      redis.call('HPEXPIREAT', key, expiring[e + 1], 'FIELDS', 1, expiring[e])
    end
    if #gone > 0 then redis.call('HDEL', key, unpack(gone)) end
    answer[i] = '1'
  else
    answer[i] = '0'
  end
end
return table.concat(answer)
