--[[ buyers: what a buyer has in this sale, per offer, for limits, repeat policies and "the last claim".
Counts packs held, presold, waited for and bought; cancelled and expired ones are taken off again. ]]

local function buyer_packs(buyer, idx)
  for i = 3, #buyer, 2 do
    if buyer[i] == idx then return buyer[i + 1] end
  end
  return 0
end

local function buyer_has_any(buyer)
  for i = 4, #buyer, 2 do
    if buyer[i] > 0 then return true end
  end
  return false
end

local function buyer_add(ctx, buyer_id, idx, packs)
  if buyer_id == '' then return end
  local buyer = buyer_of(ctx, buyer_id)
  local had_any = buyer_has_any(buyer)
  local at = nil
  for i = 3, #buyer, 2 do
    if buyer[i] == idx then at = i end
  end
  if at then
    buyer[at + 1] = buyer[at + 1] + packs
  else
    buyer[#buyer + 1] = idx
    buyer[#buyer + 1] = packs
  end
  local has_any = buyer_has_any(buyer)
  if has_any and not had_any then ctx.totals.buyers = ctx.totals.buyers + 1 end
  if had_any and not has_any then ctx.totals.buyers = ctx.totals.buyers - 1 end
  ctx.dirty_buyers[buyer_id] = buyer
end

local function has_flag(flags, flag) return math.floor(flags / flag) % 2 == 1 end

-- The buyer's second field: twice the number of their orders and facts, plus 1 where they are blocked.
local function is_blocked(buyer) return buyer[2] % 2 == 1 end
local function has_bought(buyer) return buyer[2] >= 2 end

local function set_blocked(ctx, buyer_id, on)
  local buyer = buyer_of(ctx, buyer_id)
  buyer[2] = buyer[2] - buyer[2] % 2 + (on and 1 or 0)
  ctx.dirty_buyers[buyer_id] = buyer
end

local function buyer_orders_add(ctx, buyer_id, sign)
  if buyer_id == '' then return end
  local buyer = buyer_of(ctx, buyer_id)
  buyer[2] = buyer[2] + 2 * sign
  ctx.dirty_buyers[buyer_id] = buyer
end

-- Units of a pool that the buyer has over all its offers, for the pool's own limit.
local function buyer_pool_units(ctx, buyer, pool_id)
  local units = 0
  for i = 3, #buyer, 2 do
    local offer = offer_of(ctx, ctx.skus[buyer[i]])
    if offer and offer.pool_id == pool_id then units = units + buyer[i + 1] * offer.units_per_pack end
  end
  return units
end
