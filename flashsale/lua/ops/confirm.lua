--[[ confirm: payment arrived; the hold becomes an order.
OP      1 claim_id   2 lines flat { sku, packs, … }, empty for all   3 reclaim 0/1
ANSWERS confirmed (detail late where the hold had expired and its stock was taken again), expired or cancelled with detail
        refund_due (the stock is gone and the money has to go back), unknown, invalid
RETRY   safe: an ended claim is answered with its ending ]]

-- Split what is held into what was paid for and what goes back. nil: the lines do not fit the hold.
local function split_granted(ctx, granted, wanted)
  if #wanted == 0 then return granted, {} end
  local packs_of, paid, rest = {}, {}, {}
  for i = 1, #wanted, 2 do packs_of[wanted[i]] = wanted[i + 1] end
  for i = 1, #granted, 4 do
    local sku = ctx.skus[granted[i]]
    local packs = packs_of[sku] or 0
    packs_of[sku] = nil
    if packs > granted[i + 1] then return nil end
    if packs > 0 then
      for _, v in ipairs({ granted[i], packs, granted[i + 2], granted[i + 3] }) do paid[#paid + 1] = v end
    end
    if packs < granted[i + 1] then
      for _, v in ipairs({ granted[i], granted[i + 1] - packs, granted[i + 2], granted[i + 3] }) do rest[#rest + 1] = v end
    end
  end
  if next(packs_of) or #paid == 0 then return nil end
  return paid, rest
end

local function sell(ctx, id, record, paid, rest, late)
  local body = cmsgpack.unpack(record[R.body])
  local buyer_id, channel = body[1], body[2]
  for_granted(ctx, paid, function(offer, pool, packs, presale, amount)
    sell_held_line(ctx, pool, offer, packs, presale, amount)
  end)
  for_granted(ctx, rest, function(offer, pool, packs, presale)
    release_held_line(ctx, pool, offer, channel, packs, presale)
  end)
  buyer_give_up(ctx, buyer_id, rest)
  buyer_orders_add(ctx, buyer_id, 1)
  ctx.totals.holds = ctx.totals.holds - 1
  local all_presale = count_order(ctx, channel, paid, nil, 1)
  local amount = granted_amount(paid)
  change_now(record, amount, 0, paid)
  end_record(ctx, record, all_presale and ST.presale_order or ST.confirmed, OUT.confirmed, amount, late and 'late' or '')
  put_claim(ctx, id, record)
  emit(ctx, { 'confirmed', id, buyer_id, channel, granted_events(ctx, paid), granted_events(ctx, rest), amount, all_presale, late })
  serve_waitlists(ctx)
  return ending_answer(record, false)
end

local function fits_presale(ctx, granted)
  local asked = {}
  for_granted(ctx, granted, function(offer, pool, packs, presale)
    if presale then asked[pool.id] = (asked[pool.id] or 0) + packs * offer.units_per_pack end
  end)
  for pool_id, units in pairs(asked) do
    if units > presale_free(pool_of(ctx, pool_id)) then return false end
  end
  return true
end

-- Money for a hold that has ended. Take the stock again if it is there, else owe the money: never keep it silently.
local function pay_late(ctx, id, record, wanted, reclaim)
  local body = cmsgpack.unpack(record[R.body])
  local paid = split_granted(ctx, granted_now(record), wanted)
  if not paid then return refuse(OUT.invalid, 'lines') end
  local stock = {}
  for i = 1, #paid, 4 do
    if paid[i + 3] == 0 then
      for k = 0, 3 do stock[#stock + 1] = paid[i + k] end
    end
  end
  if record[R.state] == ST.expired and reclaim == 1 and fits(ctx, stock, body[2]) and fits_presale(ctx, paid) then
    for_granted(ctx, paid, function(offer, pool, packs, presale) hold_line(ctx, pool, offer, body[2], packs, presale) end)
    for i = 1, #paid, 4 do buyer_add(ctx, body[1], paid[i], paid[i + 1]) end
    ctx.totals.holds = ctx.totals.holds + 1
    return sell(ctx, id, record, paid, {}, true)
  end
  local ended_as = record[R.state] == ST.expired and OUT.expired or OUT.cancelled
  local amount = granted_amount(paid)
  end_record(ctx, record, ST.refund_due, ended_as, amount, 'refund_due')
  put_claim(ctx, id, record)
  ctx.totals.refunds_due = ctx.totals.refunds_due + 1
  emit(ctx, { 'refund_due', id, body[1], body[2], amount })
  return ending_answer(record, false)
end

local function op_confirm(ctx, op)
  local id, wanted = op[2], op[3]
  if not is_id(id) then return refuse(OUT.invalid, 'claim_id') end
  local problem = type(wanted) ~= 'table' and 'lines' or lines_problem(wanted, 1, 1)
  if problem then return refuse(OUT.invalid, problem) end
  local record = claim_now(ctx, id)
  if not record or record[R.state] == ST.amended then return refuse(OUT.unknown) end
  local state = record[R.state]
  if state == ST.held or state == ST.presale_held then
    local paid, rest = split_granted(ctx, granted_now(record), wanted)
    if not paid then return refuse(OUT.invalid, 'lines') end
    return sell(ctx, id, record, paid, rest, false)
  end
  if state == ST.waitlisted then return refuse(OUT.waitlisted, 'not_reserved_yet') end
  local order_taken_back = state == ST.cancelled and record[R.ending][3] == 'order'
  if (state == ST.expired or state == ST.cancelled) and not order_taken_back then return pay_late(ctx, id, record, wanted, op[4]) end
  if record[R.ending] then return ending_answer(record, true) end
  return first_answer(ctx, record, true)
end
