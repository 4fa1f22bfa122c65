--[[ st_tally: all counters of a sale at one moment.
KEYS    1 sale hash   2 pools hash   3 offers hash   4 draws hash
RETURNS msgpack { rev, now_ms, state, settings, totals, channels, pools, offers, draws }, nil for a sale that does not exist
WRITES  nothing        COST O(pools + offers + channels + draws)        RETRY safe ]]

local function unpack_values(key)
  local out, flat = {}, redis.call('HVALS', key)
  for i = 1, #flat do out[i] = cmsgpack.unpack(flat[i]) end
  return out
end

local function st_tally(keys)
  local head = redis.call('HMGET', keys[1], 'settings', 'state', 'totals', 'channels', 'rev', 'skew_ms')
  if not head[1] then return nil end
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + (tonumber(head[6]) or 0)
  local offers = unpack_values(keys[3])
  for i = 1, #offers do
    offers[i].price_now = price_at(offers[i], now)
  end
  return cmsgpack.pack({ head[5], now, head[2], cmsgpack.unpack(head[1]), cmsgpack.unpack(head[3]), cmsgpack.unpack(head[4]),
    unpack_values(keys[2]), offers, unpack_values(keys[4]) })
end

redis.register_function({ function_name = 'st_tally', callback = st_tally, flags = { 'no-writes' } })
