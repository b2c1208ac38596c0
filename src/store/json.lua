-- Sets RedisJSON values. KEYS are the keys, ARGV two texts for each: what JSON.GET has to print, what
-- to set. Setting the root of a value keeps the key's expiry.
local answer = {}
for i = 1, #KEYS do
  local stands = redis.call('TYPE', KEYS[i]).ok == 'ReJSON-RL' and redis.call('JSON.GET', KEYS[i], '.')
  if stands == ARGV[2 * i - 1] then
    redis.call('JSON.SET', KEYS[i], '.', ARGV[2 * i])
    answer[i] = '1'
  else
    answer[i] = '0'
  end
end
return table.concat(answer)
