-- When KEYS expire, as PEXPIRETIME says it, on a server that does not have it (Redis before 7.0).
--
-- PTTL counts from the server's clock. When the clock shows the same millisecond before and after
-- it, it counted from that one, so the sum is exact.
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local answers = {}
for i, key in ipairs(KEYS) do
  local before, left
  repeat
    before = now()
    left = redis.call('PTTL', key)
  until left < 0 or now() == before
  answers[i] = left < 0 and left or before + left
end
return answers
