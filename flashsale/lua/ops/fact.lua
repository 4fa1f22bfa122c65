--[[ fact: a sale that happened elsewhere; recorded, never refused for stock, limit, window or state.
OP      1 fact_id   2 body   3 reverses 0/1   4 buyer_id or ''   5 channel   6 amount_minor or -1   7… sku, packs, …
ANSWERS recorded (detail oversold where stock was short), cancelled for a reversal; conflict; unknown (reversal of nothing);
        invalid (malformed, or an sku that the sale does not know: the sender must be told, or the sale would be lost)
RETRY   safe ]]

-- Split the platform's amount over the lines in the proportion of their own prices; the last line takes the remainder.
local function share_amount(granted, amount)
  local own, shares, given = granted_amount(granted), {}, 0
  for i = 1, #granted, 4 do
    local line = granted[i + 1] * granted[i + 2]
    local share = own > 0 and math.floor(amount * line / own) or 0
    if i + 4 > #granted then share = amount - given end
    shares[#shares + 1] = share
    given = given + share
  end
  return shares
end

local function reverse_fact(ctx, id)
  local record = claim_of(ctx, id)
  if not record then return refuse(OUT.unknown) end
  if record[R.state] == ST.reversed then return ending_answer(record, true) end
  if record[R.state] ~= ST.recorded then return refuse(OUT.conflict) end
  local body, granted = cmsgpack.unpack(record[R.body]), record[R.granted]
  local amounts, line = share_amount(granted, record[R.amount]), 0
  for_granted(ctx, granted, function(offer, pool, packs)
    line = line + 1
    unsell_line(ctx, pool, offer, body[2], packs, false, amounts[line])
  end)
  buyer_give_up(ctx, body[1], granted)
  buyer_orders_add(ctx, body[1], -1)
  count_order(ctx, body[2], granted, amounts, -1)
  end_record(ctx, record, ST.reversed, OUT.cancelled, record[R.amount])
  put_claim(ctx, id, record)
  emit(ctx, { 'fact_reversed', id, body[1], body[2], granted_events(ctx, granted, amounts), record[R.amount] })
  serve_waitlists(ctx)
  return ending_answer(record, false)
end

local function fact_problem(body, req)
  if type(body) ~= 'string' then return 'body' end
  if req[1] ~= '' and not is_id(req[1]) then return 'buyer_id' end
  if not is_id(req[2]) then return 'channel' end
  if not is_int(req[3], -1, AMOUNT_MAX) then return 'amount_minor' end
  if #req < 5 then return 'lines' end
  return lines_problem(req, 4, 1)
end

local function op_fact(ctx, op)
  local id, body, req = op[2], op[3], { unpack(op, 5) }
  if not is_id(id) then return refuse(OUT.invalid, 'fact_id') end
  if op[4] == 1 then return reverse_fact(ctx, id) end
  local problem = fact_problem(body, req)
  if problem then return refuse(OUT.invalid, problem) end
  local known = replay_or_conflict(ctx, id, body, true)
  if known then return known end
  local granted = {}
  for i = 4, #req, 2 do
    local offer = offer_of(ctx, req[i])
    if not offer then return refuse(OUT.invalid, 'unknown_sku') end
    for _, v in ipairs({ offer.idx, req[i + 1], price_at(offer, ctx.now), 0 }) do granted[#granted + 1] = v end
  end
  local amount = req[3] >= 0 and req[3] or granted_amount(granted)
  -- Beyond 2^53 sums would stop counting exactly; no sale gets near, so a figure that does is a mistake or an attack.
  if ctx.totals.revenue + amount > SUM_MAX then return refuse(OUT.invalid, 'amount_minor') end
  local amounts, line, short = share_amount(granted, amount), 0, 0
  for_granted(ctx, granted, function(offer, pool, packs)
    line = line + 1
    short = short + sell_fact_line(ctx, pool, offer, req[2], packs, amounts[line])
  end)
  for i = 1, #granted, 4 do buyer_add(ctx, req[1], granted[i], granted[i + 1]) end
  buyer_orders_add(ctx, req[1], 1)
  count_order(ctx, req[2], granted, amounts, 1)
  local record = { ST.recorded, body, OUT.recorded, amount, 0, granted, false, ctx.rev, false, false, false, false,
    short > 0 and 'oversold' or '' }
  put_claim(ctx, id, record)
  emit(ctx, { 'fact', id, req[1], req[2], granted_events(ctx, granted, amounts), amount, short })
  return first_answer(ctx, record, false)
end
