-- Changes a key as a whole: its storage, its name, its expiry. Writes all of it or nothing.
--
-- KEYS: the key, and the key its value moves to or comes back from, if there is one.
-- ARGV: '1' where the server has field expiries; which key holds the value (1 or 2); then for each
-- key what has to stand and what is to stand. A value is '-' for no key, or its kind ('s'tring,
-- 'j'son, 'h'ash, '=' for the value that the other or the same key holds), its expiry in Unix
-- milliseconds (-1 is never, 't' is the one that the value has), and its text, or the number of its
-- fields with name, value and expiry of each.
--
-- Answers '1', or '0' when something else stands there.
local at = 0
local function take()
  at = at + 1
  return ARGV[at]
end

local field_expiry = take() == '1'
local holder = tonumber(take())

-- unpack fails beyond about 8,000 values.
local CHUNK = 1000

local function take_value()
  local kind = take()
  if kind == '-' then return nil end
  local value = {kind = kind, expiry = take()}
  if kind == 'h' then
    value.names, value.values, value.expires = {}, {}, {}
    for f = 1, tonumber(take()) do
      value.names[f], value.values[f], value.expires[f] = take(), take(), tonumber(take())
    end
  elseif kind ~= '=' then
    value.text = take()
  end
  return value
end

local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- When a key expires. Redis before 7.0 has no PEXPIRETIME; see expiries.lua for the other way.
local function expiry_now(key)
  local at = redis.pcall('PEXPIRETIME', key)
  if type(at) == 'number' then return at end
  local before, left
  repeat
    before = clock()
    left = redis.call('PTTL', key)
  until left < 0 or clock() == before
  return left < 0 and left or before + left
end

local function same_fields(key, value)
  local count = #value.names
  if redis.call('HLEN', key) ~= count then return false end
  for first = 1, count, CHUNK do
    local last = math.min(first + CHUNK - 1, count)
    local stands = redis.call('HMGET', key, unpack(value.names, first, last))
    local expires = field_expiry
      and redis.call('HPEXPIRETIME', key, 'FIELDS', last - first + 1, unpack(value.names, first, last))
    for f = first, last do
      if stands[f - first + 1] ~= value.values[f] then return false end
      if expires and expires[f - first + 1] ~= value.expires[f] then return false end
    end
  end
  return true
end

local function stands(key, value)
  local kind = redis.call('TYPE', key).ok
  if value == nil then return kind == 'none' end
  if value.kind == 's' then
    if kind ~= 'string' or redis.call('GET', key) ~= value.text then return false end
  elseif value.kind == 'j' then
    if kind ~= 'ReJSON-RL' or redis.call('JSON.GET', key, '.') ~= value.text then return false end
  elseif kind ~= 'hash' or not same_fields(key, value) then
    return false
  end
  return value.expiry == 't' or expiry_now(key) == tonumber(value.expiry)
end

local function put(key, value, expiry)
  if value.kind == 's' then
    redis.call('SET', key, value.text)
  elseif value.kind == 'j' then
    redis.call('JSON.SET', key, '.', value.text)
  else
    for first = 1, #value.names, CHUNK do
      local pairs = {}
      for f = first, math.min(first + CHUNK - 1, #value.names) do
        pairs[#pairs + 1] = value.names[f]
        pairs[#pairs + 1] = value.values[f]
      end
      redis.call('HSET', key, unpack(pairs))
    end
    for f = 1, #value.names do
      if value.expires[f] ~= -1 then
        redis.call('HPEXPIREAT', key, value.expires[f], 'FIELDS', 1, value.names[f])
      end
    end
  end
  if expiry ~= -1 then redis.call('PEXPIREAT', key, expiry) end
end

local turns = {}
for i = 1, #KEYS do turns[i] = {before = take_value(), after = take_value()} end
for i = 1, #KEYS do
  if not stands(KEYS[i], turns[i].before) then return '0' end
  if turns[i].before then turns[i].stood = expiry_now(KEYS[i]) end
end

local function expiry_of(value)
  if value.expiry == 't' then return turns[holder].stood end
  return tonumber(value.expiry)
end

local function write()
  -- The value itself first: what it moves over goes away, and where it was is free then.
  for i = 1, #KEYS do
    local after = turns[i].after
    if after and after.kind == '=' then
      if i ~= holder then
        redis.call('RENAME', KEYS[holder], KEYS[i])
        turns[holder].gone = true
      end
      local expiry = expiry_of(after)
      if expiry == -1 then
        redis.call('PERSIST', KEYS[i])
      else
        redis.call('PEXPIREAT', KEYS[i], expiry)
      end
      turns[i].done = true
    end
  end
  for i = 1, #KEYS do
    local turn = turns[i]
    if not turn.done then
      if turn.before and not turn.gone then redis.call('UNLINK', KEYS[i]) end
      if turn.after then put(KEYS[i], turn.after, expiry_of(turn.after)) end
    end
  end
end

-- What a script wrote before an error stays, so everything is put back by hand.
local fine, failure = pcall(write)
if fine then return '1' end
for i = 1, #KEYS do
  redis.call('UNLINK', KEYS[i])
  if turns[i].before then put(KEYS[i], turns[i].before, turns[i].stood) end
end
if type(failure) == 'table' then return redis.error_reply(failure.err) end
return redis.error_reply(failure)
