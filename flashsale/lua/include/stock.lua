--[[ stock: taking units from a pool and giving them back, under reserves, caps, oversale and presale.
Always, for every pool: initial + adjusted = available + held + sold - oversold. ]]

local function touch_pool(ctx, pool) ctx.dirty_pools[pool.id] = pool end
local function touch_offer(ctx, offer) ctx.dirty_offers[offer.sku] = offer end

-- Units that a channel may take now: what is there, less what is kept for other channels, within its own cap.
local function free_for(pool, channel)
  local free = pool.available
  for other, kept in pairs(pool.reserves) do
    if other ~= channel then
      local left = kept - (pool.used[other] or 0)
      if left > 0 then free = free - left end
    end
  end
  local cap = pool.caps[channel]
  if cap then free = math.min(free, cap - (pool.used[channel] or 0)) end
  return math.max(free, 0)
end

local function presale_free(pool) return pool.presale_quota - pool.presale_held - pool.presold end

local function use_channel(pool, channel, units) pool.used[channel] = (pool.used[channel] or 0) + units end

-- available → held; for a presale line, quota → presale_held.
local function hold_line(ctx, pool, offer, channel, packs, presale)
  local units = packs * offer.units_per_pack
  if presale then
    pool.presale_held = pool.presale_held + units
  else
    pool.available = pool.available - units
    pool.held = pool.held + units
    use_channel(pool, channel, units)
  end
  offer.packs_held = offer.packs_held + packs
  offer.touched = 1
  touch_pool(ctx, pool)
  touch_offer(ctx, offer)
end

-- held → sold, with the money.
local function sell_held_line(ctx, pool, offer, packs, presale, amount)
  local units = packs * offer.units_per_pack
  offer.packs_held = offer.packs_held - packs
  if presale then
    pool.presale_held = pool.presale_held - units
    pool.presold = pool.presold + units
    offer.packs_presold = offer.packs_presold + packs
    offer.presale = offer.presale + amount
  else
    pool.held = pool.held - units
    pool.sold = pool.sold + units
    offer.packs_sold = offer.packs_sold + packs
    offer.revenue = offer.revenue + amount
  end
  touch_pool(ctx, pool)
  touch_offer(ctx, offer)
end

-- Units come back. They first make good what was oversold; the rest is free, and the waitlist is asked before anybody else.
local function give_back(ctx, pool, units)
  local owed = math.min(pool.oversold, units)
  pool.oversold = pool.oversold - owed
  pool.available = pool.available + units - owed
  ctx.freed[pool.id] = true
  touch_pool(ctx, pool)
end

local function release_held_line(ctx, pool, offer, channel, packs, presale)
  local units = packs * offer.units_per_pack
  offer.packs_held = offer.packs_held - packs
  touch_offer(ctx, offer)
  if presale then
    pool.presale_held = pool.presale_held - units
    touch_pool(ctx, pool)
    return
  end
  pool.held = pool.held - units
  use_channel(pool, channel, -units)
  give_back(ctx, pool, units)
end

local function unsell_line(ctx, pool, offer, channel, packs, presale, amount)
  local units = packs * offer.units_per_pack
  if presale then
    pool.presold = pool.presold - units
    offer.packs_presold = offer.packs_presold - packs
    offer.presale = offer.presale - amount
    touch_pool(ctx, pool)
  else
    pool.sold = pool.sold - units
    offer.packs_sold = offer.packs_sold - packs
    offer.revenue = offer.revenue - amount
    use_channel(pool, channel, -units)
    give_back(ctx, pool, units)
  end
  touch_offer(ctx, offer)
end

-- A sale that happened elsewhere: takes what is there and owes the rest. Returns the units that were not in stock.
local function sell_fact_line(ctx, pool, offer, channel, packs, amount)
  local units = packs * offer.units_per_pack
  local there = math.min(pool.available, units)
  pool.available = pool.available - there
  pool.oversold = pool.oversold + units - there
  pool.sold = pool.sold + units
  use_channel(pool, channel, units)
  offer.packs_sold = offer.packs_sold + packs
  offer.revenue = offer.revenue + amount
  offer.touched = 1
  touch_pool(ctx, pool)
  touch_offer(ctx, offer)
  return units - there
end

-- The price of one pack now: the offer price inside its special window (or where there is none), else the list price.
local function price_at(offer, now)
  if offer.special_from == 0 then return offer.price end
  if now >= offer.special_from and (offer.special_until == 0 or now < offer.special_until) then return offer.price end
  return offer.list_price > 0 and offer.list_price or offer.price
end

local function in_window(offer, now)
  return now >= offer.sells_from and (offer.sells_until == 0 or now < offer.sells_until)
end
