--[[ catalogue: pools and offers, and stock changed by hand.
OP adjust_pool  1 adjust_id   2 pool_id   3 delta_units   4 reason
OP set_pool     1 pool_id   2 spec: name, base_unit, initial_units, limit_units, channel_reserves, channel_caps, presale_units,
                presale_ships_at_ms
OP set_offer    1 sku   2 spec: pool_id, name, units_per_pack, price_minor, list_price_minor, special_from_ms, special_until_ms,
                limit_packs, sells_from_ms, sells_until_ms
ANSWERS applied (replayed where nothing changes), conflict (what froze at the first claim; another adjustment under the same id),
        sold_out (a withdrawal of more than is free), unknown pool, invalid
RETRY   safe ]]

local REASONS = { restock = 1, withdraw = 1, spoilage = 1, correction = 1 }

local function applied(ctx) return { OUT.applied, 0, 0, 0, ctx.rev, false, '' } end
local function unchanged() return { OUT.applied, 1, 0, 0, '', false, '' } end

local function adjust_problem(op)
  if not is_id(op[2]) then return 'adjust_id' end
  if not is_id(op[3]) then return 'pool_id' end
  if not is_int(op[4], -UNITS_MAX, UNITS_MAX) or op[4] == 0 then return 'delta_units' end
  if not REASONS[op[5]] then return 'reason' end
  return nil
end

-- Take units out by hand: what is not there was never there (spoilage, a miscount) and shows as oversold.
local function take_out(pool, units)
  local there = math.min(pool.available, units)
  pool.available = pool.available - there
  pool.oversold = pool.oversold + units - there
end

local function op_adjust_pool(ctx, op)
  local problem = adjust_problem(op)
  if problem then return refuse(OUT.invalid, problem) end
  local pool, delta = pool_of(ctx, op[3]), op[4]
  if not pool then return refuse(OUT.unknown) end
  local key = 'adjust\n' .. op[2] -- no claim id can hold a line feed
  local body = op[3] .. '\n' .. string.format('%.0f', delta) .. '\n' .. op[5]
  local known = replay_or_conflict(ctx, key, body)
  if known then return known end
  if delta < 0 and op[5] == 'withdraw' and -delta > pool.available then return refuse(OUT.sold_out) end
  pool.adjusted = pool.adjusted + delta
  if delta > 0 then give_back(ctx, pool, delta) else take_out(pool, -delta) end
  touch_pool(ctx, pool)
  local record = { ST.adjusted, body, OUT.applied, 0, 0, {}, false, ctx.rev }
  put_claim(ctx, key, record)
  emit(ctx, { 'adjusted', op[2], pool.id, delta, op[5] })
  serve_waitlists(ctx)
  return first_answer(ctx, record, false)
end

local function same(a, b)
  if type(a) ~= 'table' or type(b) ~= 'table' then return a == b end
  for k, v in pairs(a) do
    if not same(v, b[k]) then return false end
  end
  for k in pairs(b) do
    if a[k] == nil then return false end
  end
  return true
end

local function pool_problem(id, spec)
  if not is_id(id) then return 'pool_id' end
  if type(spec) ~= 'table' then return 'spec' end
  if not is_text(spec.name, 400) then return 'name' end
  if not is_text(spec.base_unit, 40) then return 'base_unit' end
  for _, field in ipairs({ 'initial_units', 'limit_units', 'presale_units' }) do
    if not is_int(spec[field], 0, UNITS_MAX) then return field end
  end
  if not is_int(spec.presale_ships_at_ms, 0, TIME_MAX) then return 'presale_ships_at_ms' end
  if not is_channel_map(spec.channel_reserves) then return 'channel_reserves' end
  if not is_channel_map(spec.channel_caps) then return 'channel_caps' end
  return nil
end

local function new_pool(ctx, id, spec)
  ctx.totals.pools = (ctx.totals.pools or 0) + 1
  return { id = id, place = ctx.totals.pools, initial = spec.initial_units, adjusted = 0, available = spec.initial_units, held = 0, sold = 0,
    oversold = 0, presale_held = 0, presold = 0, waitlisted = 0, refused = 0, used = {} }
end

local function op_set_pool(ctx, op)
  local id, spec = op[2], op[3]
  local problem = pool_problem(id, spec)
  if problem then return refuse(OUT.invalid, problem) end
  if not ctx.exists then return refuse(OUT.unknown, 'sale') end
  local pool = pool_of(ctx, id)
  local created = not pool
  -- The stock that a pool began with is history; only AdjustPool changes stock, and a repeated SetPool keeps the first figure.
  if pool then spec.initial_units = pool.initial end
  if pool and same(pool.spec, spec) then return unchanged() end
  if pool and spec.presale_units < pool.presale_held + pool.presold then return refuse(OUT.conflict, 'presale_units') end
  pool = pool or new_pool(ctx, id, spec)
  pool.spec, pool.name, pool.base_unit = spec, spec.name, spec.base_unit
  pool.limit_units, pool.reserves, pool.caps = spec.limit_units, spec.channel_reserves, spec.channel_caps
  pool.presale_quota, pool.presale_ships_at = spec.presale_units, spec.presale_ships_at_ms
  ctx.pools[id] = pool
  ctx.general_only = true
  touch_pool(ctx, pool)
  ctx.freed[id] = true -- a smaller reserve or a larger cap may let somebody in
  emit(ctx, { 'pool_set', id, created, spec })
  serve_waitlists(ctx)
  return applied(ctx)
end

local OFFER_INTS = { 'list_price_minor', 'special_from_ms', 'special_until_ms', 'limit_packs', 'sells_from_ms', 'sells_until_ms' }

local function offer_problem(sku, spec)
  if not is_id(sku) then return 'sku' end
  if type(spec) ~= 'table' then return 'spec' end
  if not is_id(spec.pool_id) then return 'pool_id' end
  if not is_text(spec.name, 400) then return 'name' end
  if not is_int(spec.units_per_pack, 1, 1e9) then return 'units_per_pack' end
  if not is_int(spec.price_minor, 0, 1e9) then return 'price_minor' end
  for _, field in ipairs(OFFER_INTS) do
    if not is_int(spec[field], 0, TIME_MAX) then return field end
  end
  if spec.list_price_minor > 1e9 then return 'list_price_minor' end
  return nil
end

local function new_offer(ctx, sku)
  ctx.skus[#ctx.skus + 1] = sku
  ctx.dirty_skus = true
  return { sku = sku, idx = #ctx.skus, touched = 0, packs_held = 0, packs_sold = 0, packs_presold = 0, packs_refused = 0, revenue = 0,
    presale = 0, demand = 0 }
end

local function op_set_offer(ctx, op)
  local sku, spec = op[2], op[3]
  local problem = offer_problem(sku, spec)
  if problem then return refuse(OUT.invalid, problem) end
  if not pool_of(ctx, spec.pool_id) then return refuse(OUT.unknown, 'pool') end
  local offer = offer_of(ctx, sku)
  local created = not offer
  if offer and same(offer.spec, spec) then return unchanged() end
  if offer and offer.touched == 1 and (offer.pool_id ~= spec.pool_id or offer.units_per_pack ~= spec.units_per_pack) then
    return refuse(OUT.conflict, 'frozen_since_first_claim')
  end
  flush_refusals(ctx)
  offer = offer or new_offer(ctx, sku)
  offer.spec, offer.pool_id, offer.name, offer.units_per_pack = spec, spec.pool_id, spec.name, spec.units_per_pack
  offer.price, offer.list_price, offer.limit_packs = spec.price_minor, spec.list_price_minor, spec.limit_packs
  offer.special_from, offer.special_until = spec.special_from_ms, spec.special_until_ms
  offer.sells_from, offer.sells_until = spec.sells_from_ms, spec.sells_until_ms
  ctx.offers[sku] = offer
  ctx.general_only = true
  touch_offer(ctx, offer)
  emit(ctx, { 'offer_set', sku, created, spec })
  return applied(ctx)
end
