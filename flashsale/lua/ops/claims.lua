--[[ claims: plain claims of one offer from one channel, in columns: one line each, all or nothing, no waitlist.
A rush is made of these, so they are decided without a table a claim. The rules are those of ops/claim.lua, in the same order;
what is not plain after all (an id that was used before, a buyer who has something already, a presale) is decided there.
OP      1 sku   2 channel   3 claim ids   4 buyer ids   5 packs
ANSWERS one for each claim, in order: minus the unit price where it is reserved, a refusal's code, or what op_claim answers
RETRY   safe: an id that was used before is answered from its record ]]

local function columns_problem(op)
  if not is_id(op[2]) or not is_id(op[3]) then return true end
  for c = 4, 6 do
    if type(op[c]) ~= 'table' or #op[c] ~= #op[4] then return true end
  end
  for i = 1, #op[4] do
    local id, buyer_id, packs = op[4][i], op[5][i], op[6][i]
    if type(id) ~= 'string' or type(buyer_id) ~= 'string' or type(packs) ~= 'number' or #id < 1 or #id > ID_BYTES_MAX or #buyer_id < 1
      or #buyer_id > ID_BYTES_MAX or packs < 1 or packs > PACKS_MAX or packs % 1 ~= 0 then
      return true
    end
  end
  return not all_ids(op[4]) or not all_ids(op[5])
end

-- What the plain rules need to know of an offer, the same for all claims of the group.
local function plan_of(ctx, sku, channel)
  local offer = offer_of(ctx, sku)
  local pool = offer and pool_of(ctx, offer.pool_id)
  if not pool or ctx.general_only or ctx.state ~= 'open' or not in_window(offer, ctx.now) then return nil end
  local price = price_at(offer, ctx.now)
  if price < 1 or price > PRICE_PLAIN_MAX or #channel > 255 then return nil end
  local packs_max = offer.limit_packs > 0 and offer.limit_packs or PACKS_MAX
  if pool.limit_units > 0 then packs_max = math.min(packs_max, math.floor(pool.limit_units / offer.units_per_pack)) end
  return { offer = offer, pool = pool, channel = channel, price = price, packs_max = packs_max, free = free_for(pool, channel), packs = 0,
    granted = {}, records = {}, holders = {} }
end

-- Counters follow once for all that was granted since; before anything else looks at them.
local function settle(ctx, plan)
  local count = #plan.granted / 3
  if count == 0 then return end
  hold_line(ctx, plan.pool, plan.offer, plan.channel, plan.packs, false)
  ctx.totals.holds = ctx.totals.holds + count
  ctx.totals.buyers = ctx.totals.buyers + count
  emit(ctx, { 'claims', plan.offer.sku, plan.offer.pool_id, plan.offer.units_per_pack, plan.price, plan.channel, ctx.expires_at, plan.granted })
  plan.granted, plan.packs = {}, 0
end

local function grant_plain(ctx, plan, id, buyer_id, packs)
  local record = plan.records[packs]
  if not record then
    -- All but the ids is the same for all claims of as many packs.
    record = pack_plain_claim(plan.offer.idx, packs, plan.price, ctx.expires_at, ctx.rev_ms, ctx.rev_seq, plan.channel)
    plan.records[packs], plan.holders[packs] = record, pack_plain_buyer(plan.offer.idx, packs)
  end
  record = record .. buyer_id
  local holder = plan.holders[packs] .. id
  ctx.claims[id], ctx.buyers[buyer_id] = record, holder
  local n, claims, buyers, granted = ctx.new_count, ctx.new_claims, ctx.new_buyers, plan.granted
  claims[n + 1], claims[n + 2] = id, record
  buyers[n + 1], buyers[n + 2] = buyer_id, holder
  ctx.new_count = n + 2
  n = #granted
  granted[n + 1], granted[n + 2], granted[n + 3] = id, buyer_id, packs
  plan.packs = plan.packs + packs
  if ctx.expires_at > 0 then
    local due = ctx.due
    due[#due + 1] = id
  end
end

-- The general way, for one of the group.
local function claim_apart(ctx, op, i)
  return op_claim(ctx, { 1, op[4][i], plain_request(op[5][i], op[3], op[2], op[6][i]), op[5][i], op[3], 0, op[2], op[6][i] })
end

local function claims_apart(ctx, op)
  local answers = {}
  for i = 1, type(op[4]) == 'table' and #op[4] or 0 do
    answers[i] = (type(op[5]) == 'table' and type(op[6]) == 'table') and claim_apart(ctx, op, i) or refuse(OUT.invalid, 'columns')
  end
  return answers
end

-- Buyers of the claims that stock could still serve; nobody else's record is needed.
local function prefetch_buyers(ctx, plan, op)
  local wanted, size, free = {}, plan.offer.units_per_pack, plan.free
  for i = 1, #op[4] do
    if not ctx.claims[op[4][i]] and op[6][i] * size <= free then wanted[#wanted + 1] = op[5][i] end
  end
  prefetch(ctx.keys[K.buyers], ctx.buyers, wanted)
end

local function op_claims(ctx, op)
  if columns_problem(op) then return claims_apart(ctx, op) end
  local ids, buyer_ids, packs_of = op[4], op[5], op[6]
  prefetch(ctx.keys[K.claims], ctx.claims, ids)
  local plan = plan_of(ctx, op[2], op[3])
  if not plan then return claims_apart(ctx, op) end
  prefetch_buyers(ctx, plan, op)
  ctx.due = ctx.expires_at > 0 and due_at(ctx, ctx.expires_at)
  local answers, size, channel, offer = {}, plan.offer.units_per_pack, plan.channel, plan.offer
  for i = 1, #ids do
    local packs = packs_of[i]
    local units = packs * size
    if ctx.claims[ids[i]] == false then
      if units > plan.free then
        if units > presale_free(plan.pool) then
          count_refusal(ctx, offer, channel, OUT.sold_out, 1, packs)
          answers[i] = OUT.sold_out
        end
      elseif ctx.buyers[buyer_ids[i]] == false then
        if packs > plan.packs_max then
          count_refusal(ctx, offer, channel, OUT.limit_reached, 1, packs)
          answers[i] = OUT.limit_reached
        else
          grant_plain(ctx, plan, ids[i], buyer_ids[i], packs)
          plan.free = plan.free - units
          answers[i] = -plan.price
        end
      end
    end
    if not answers[i] then
      settle(ctx, plan)
      answers[i] = claim_apart(ctx, op, i)
      plan.free = free_for(plan.pool, channel)
    end
  end
  settle(ctx, plan)
  return answers
end
