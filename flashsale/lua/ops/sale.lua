--[[ sale: settings, life, blocked buyers, and what channels show besides sales.
OP set_sale        1 settings, only those to change: name, currency, hold_ttl_ms, waitlist_ttl_ms, repeat_policy
OP set_sale_state  1 state
OP block           1 buyer_id   2 blocked 0/1
OP observe         1 event_id   2 channel   3 comments   4 likes   5 gifts   6 follows   7 enters   8 viewers or -1   9 demand, sku → packs
ANSWERS applied (replayed where it was so already; for observe: where the event was seen before), conflict (a way that the sale's life
        does not go), unknown sale, invalid
RETRY   safe ]]

local POLICIES = { ignore = 1, add = 1, replace = 1, frozen = 1 }
local STATES = { draft = { open = 1 }, open = { paused = 1, closed = 1 }, paused = { open = 1, closed = 1 }, closed = {} }
local TTL_MAX_MS = 30 * 86400000

local function settings_problem(change)
  if type(change) ~= 'table' then return 'settings' end
  for field, value in pairs(change) do
    if field == 'name' then
      if not is_text(value, 400) then return 'name' end
    elseif field == 'currency' then
      if type(value) ~= 'string' or not value:match('^%u%u%u$') then return 'currency' end
    elseif field == 'hold_ttl_ms' or field == 'waitlist_ttl_ms' then
      if not is_int(value, 0, TTL_MAX_MS) then return field end
    elseif field == 'repeat_policy' then
      if not POLICIES[value] then return field end
    else
      return 'settings'
    end
  end
  return nil
end

local function op_set_sale(ctx, op)
  local problem = settings_problem(op[2])
  if problem then return refuse(OUT.invalid, problem) end
  local settings = ctx.settings
  if not ctx.exists then
    settings = { name = '', currency = 'CNY', hold_ttl_ms = 900000, waitlist_ttl_ms = 300000, repeat_policy = 'ignore', made_at_ms = ctx.now }
  end
  local changed = not ctx.exists
  for field, value in pairs(op[2]) do
    if settings[field] ~= value then changed = true end
    settings[field] = value
  end
  if not changed then return unchanged() end
  ctx.settings, ctx.exists = settings, true
  ctx.general_only = true -- the short answer of a plain claim names the deadline that held when the call began
  emit(ctx, { 'sale_set', settings })
  return applied(ctx)
end

local function op_set_sale_state(ctx, op)
  local state = op[2]
  if type(state) ~= 'string' or not STATES[state] then return refuse(OUT.invalid, 'state') end
  if not ctx.exists then return refuse(OUT.unknown, 'sale') end
  if state == ctx.state then return unchanged() end
  if not STATES[ctx.state][state] then return refuse(OUT.conflict, ctx.state) end
  ctx.state = state
  ctx.general_only = true
  emit(ctx, { 'state_set', state })
  if state == 'open' then
    free_all_waiting(ctx)
  end
  return applied(ctx)
end

local function op_block(ctx, op)
  if not is_id(op[2]) then return refuse(OUT.invalid, 'buyer_id') end
  local on = op[3] == 1
  if is_blocked(buyer_of(ctx, op[2])) == on then return unchanged() end
  set_blocked(ctx, op[2], on)
  emit(ctx, { 'blocked', op[2], on })
  if not on then free_all_waiting(ctx) end
  return applied(ctx)
end

local function observe_problem(op)
  if op[2] ~= '' and not is_id(op[2]) then return 'event_id' end
  if not is_id(op[3]) then return 'channel' end
  for i = 4, 8 do
    if not is_int(op[i], 0, 1e9) then return 'count' end
  end
  if not is_int(op[9], -1, 1e9) then return 'viewers' end
  if type(op[10]) ~= 'table' then return 'demand' end
  for sku, packs in pairs(op[10]) do
    if not is_id(sku) or not is_int(packs, 1, PACKS_MAX) then return 'demand' end
  end
  return nil
end

local function observed_sum(ctx, channel)
  local sum = ctx.observed[channel]
  if not sum then
    sum = { comments = 0, likes = 0, gifts = 0, follows = 0, enters = 0, viewers = -1, duplicates = 0, demand = {} }
    ctx.observed[channel] = sum
  end
  return sum
end

local function add_seen(ctx, op, sum)
  for i, name in ipairs({ 'comments', 'likes', 'gifts', 'follows', 'enters' }) do sum[name] = sum[name] + op[3 + i] end
  if op[9] >= 0 then sum.viewers = op[9] end
  for sku, packs in pairs(op[10]) do
    local offer = offer_of(ctx, sku)
    if offer then
      offer.demand = offer.demand + packs
      touch_offer(ctx, offer)
      sum.demand[sku] = (sum.demand[sku] or 0) + packs
    end
  end
end

local function op_observe(ctx, op)
  local problem = observe_problem(op)
  if problem then return refuse(OUT.invalid, problem) end
  local sum, event_id = observed_sum(ctx, op[3]), op[2]
  if event_id ~= '' then
    if ctx.seen_known[event_id] == nil then
      ctx.seen_known[event_id] = redis.call('SISMEMBER', ctx.keys[K.seen], event_id) == 1
    end
    if ctx.seen_known[event_id] then
      sum.duplicates = sum.duplicates + 1
      return unchanged()
    end
    ctx.seen_known[event_id] = true
    ctx.seen_add[#ctx.seen_add + 1] = event_id
  end
  add_seen(ctx, op, sum)
  return applied(ctx)
end
