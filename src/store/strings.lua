-- Replaces strings.
--
-- KEYS are the keys, ARGV two texts for each: what has to stand, what to write.
-- Before 7.0 a server may be set up to forbid writes after what INFO tells, unless it is told so.
if redis.replicate_commands then redis.replicate_commands() end
local call, keys, values = redis.call, KEYS, ARGV
local stands = call('MGET', unpack(keys))
local answer, pairs, size = {}, {}, 0
for i = 1, #keys do
  if stands[i] == values[2 * i - 1] then
    pairs[size + 1], pairs[size + 2] = keys[i], values[2 * i]
    size = size + 2
    answer[i] = '1'
  else
    answer[i] = '0'
  end
end
if size > 0 then
  -- One command costs a third of many. It would take a key's expiry away: where no key has one it is safe.
  local databases = redis.pcall('INFO', 'keyspace')
  local lasting = type(databases) == 'string' and not string.find(databases, 'expires=[1-9]')
  -- Who may not use these commands sets one by one.
  if not lasting or redis.pcall('MSET', unpack(pairs)).err then
    for i = 1, size, 2 do call('SET', pairs[i], pairs[i + 1], 'KEEPTTL') end
  end
end
return table.concat(answer)
