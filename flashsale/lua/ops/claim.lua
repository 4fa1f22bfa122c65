--[[ claim: a buyer's request for packs: all lines or none, unless partial.
OP      1 claim_id   2 body: the request's bytes, its fingerprint   3 buyer_id   4 channel   5 flags: 1 partial, 2 waitlist
        6… sku, packs, sku, packs, …
ANSWERS reserved, partial, presold, waitlisted; sold_out, limit_reached, not_on_sale, blocked, conflict, invalid
RETRY   safe: the same id and body is answered from its record ]]

local function line_wants(ctx, req, from)
  local lines = {}
  for i = from, #req, 2 do
    local sku, packs = req[i], req[i + 1]
    local offer = offer_of(ctx, sku)
    lines[#lines + 1] = { sku = sku, offer = offer, pool = offer and pool_of(ctx, offer.pool_id), packs = packs, got = 0, presale = false,
      out = OUT.not_on_sale, cut = OUT.not_on_sale }
  end
  return lines
end

-- Stock first: how many packs of each line can be had, counting what the lines before it take.
local function stock_lines(ctx, lines, channel, partial)
  local taken, presale_taken = {}, {}
  for i = 1, #lines do
    local line = lines[i]
    if line.offer and line.pool and in_window(line.offer, ctx.now) then
      local pool, size = line.pool, line.offer.units_per_pack
      local free = free_for(pool, channel) - (taken[pool.id] or 0)
      local quota = presale_free(pool) - (presale_taken[pool.id] or 0)
      if line.packs * size <= free then
        line.got, line.out = line.packs, OUT.reserved
      elseif line.packs * size <= quota then
        line.got, line.out, line.presale = line.packs, OUT.presold, true
      else
        line.got = partial and math.max(math.floor(free / size), 0) or 0
        line.out = line.got > 0 and OUT.partial or OUT.sold_out
        line.cut = OUT.sold_out
      end
      local into = line.presale and presale_taken or taken
      into[pool.id] = (into[pool.id] or 0) + line.got * size
    end
  end
end

-- Then the buyer's limits, on what is to be granted (or waited for).
local function limit_lines(ctx, lines, buyer_id, partial)
  local buyer, pool_units = buyer_of(ctx, buyer_id), {}
  for i = 1, #lines do
    local line = lines[i]
    if line.offer and line.out ~= OUT.not_on_sale then
      local offer, pool = line.offer, line.pool
      local asked = line.out == OUT.sold_out and line.packs or line.got
      local room = PACKS_MAX * 1000
      if offer.limit_packs > 0 then room = offer.limit_packs - buyer_packs(buyer, offer.idx) end
      if pool.limit_units > 0 then
        local has = pool_units[pool.id] or buyer_pool_units(ctx, buyer, pool.id)
        room = math.min(room, math.floor((pool.limit_units - has) / offer.units_per_pack))
        pool_units[pool.id] = has + math.max(math.min(asked, room), 0) * offer.units_per_pack
      end
      if asked > room then
        local kept = partial and line.out ~= OUT.sold_out and math.max(room, 0) or 0
        line.got = kept
        line.cut = OUT.limit_reached
        line.out = kept > 0 and OUT.partial or OUT.limit_reached
      end
    end
  end
end

-- Refused demand, summed by offer, channel and outcome. A rush refuses the same offer again and again: the last sum is at hand.
local function refusal_sum(ctx, offer, channel, code)
  local last = ctx.refusal
  if last and last.offer == offer and last.channel == channel and last.code == code then return last.sum end
  local key = (offer and offer.sku or '') .. '\0' .. channel .. '\0' .. code
  local sum = ctx.refusals[key]
  if not sum then
    sum = { 'refused', offer and offer.sku or '', offer and offer.pool_id or '', channel, OUT_NAME[code], 0, 0 }
    ctx.refusals[key] = sum
  end
  ctx.refusal = { offer = offer, channel = channel, code = code, sum = sum }
  return sum
end

local function count_refusal(ctx, offer, channel, code, claims, packs)
  local sum = refusal_sum(ctx, offer, channel, code)
  sum[6] = sum[6] + claims
  sum[7] = sum[7] + packs
end

local function flat_lines(lines)
  local flat = {}
  for i = 1, #lines do
    for _, v in ipairs({ lines[i].sku, lines[i].got, lines[i].out, lines[i].price or 0 }) do flat[#flat + 1] = v end
  end
  return flat
end

-- Nothing is granted: say why, by the first line that stood in the way, and count the demand.
local function refuse_lines(ctx, lines, channel, code)
  for i = 1, #lines do
    local line = lines[i]
    if code then line.out = code end
    if line.out == OUT.reserved or line.out == OUT.presold or line.out == OUT.partial then line.out = OUT.sold_out line.fine = true end
    line.got = 0
  end
  local first = nil
  for i = 1, #lines do
    if not lines[i].fine then first = first or lines[i] end
  end
  for i = 1, #lines do
    if not lines[i].fine then count_refusal(ctx, lines[i].offer, channel, lines[i].out, lines[i] == first and 1 or 0, lines[i].packs) end
  end
  -- A line that could have been had alone shares the basket's fate, and its outcome.
  for i = 1, #lines do
    if lines[i].fine then lines[i].out = first.out end
  end
  return refuse(first.out, nil, flat_lines(lines))
end

local function grant(ctx, id, body, buyer_id, channel, lines, outcome, replaces)
  local granted = {}
  for i = 1, #lines do
    local line = lines[i]
    if line.got > 0 then
      line.price = price_at(line.offer, ctx.now)
      hold_line(ctx, line.pool, line.offer, channel, line.got, line.presale)
      for _, v in ipairs({ line.offer.idx, line.got, line.price, line.presale and 1 or 0 }) do granted[#granted + 1] = v end
    end
  end
  local amount = granted_amount(granted)
  local expires = ctx.settings.hold_ttl_ms > 0 and ctx.now + ctx.settings.hold_ttl_ms or 0
  local all_presale = true
  for i = 4, #granted, 4 do all_presale = all_presale and granted[i] == 1 end
  local buyer = buyer_of(ctx, buyer_id)
  local record = { all_presale and ST.presale_held or ST.held, body, outcome, amount, expires, granted, buyer[1], ctx.rev }
  if outcome == OUT.partial then
    record[R.now], record[R.ending], record[R.place] = false, false, false
    record[R.line_outcomes] = flat_lines(lines)
  end
  buyer[1] = id
  for i = 1, #granted, 4 do buyer_add(ctx, buyer_id, granted[i], granted[i + 1]) end
  put_claim(ctx, id, record)
  ctx.totals.holds = ctx.totals.holds + 1
  if expires > 0 then
    local due = due_at(ctx, expires)
    due[#due + 1] = id
  end
  emit(ctx, { 'claimed', id, OUT_NAME[outcome], buyer_id, channel, granted_events(ctx, granted), amount, expires, replaces or '' })
  return first_answer(ctx, record, false)
end

local function queue(ctx, id, body, buyer_id, channel, lines)
  local granted = {}
  for i = 1, #lines do
    local line = lines[i]
    line.price = price_at(line.offer, ctx.now)
    line.offer.touched = 1
    touch_offer(ctx, line.offer)
    for _, v in ipairs({ line.offer.idx, line.packs, line.price, 0 }) do granted[#granted + 1] = v end
  end
  local buyer = buyer_of(ctx, buyer_id)
  local record = { ST.waitlisted, body, OUT.waitlisted, granted_amount(granted), 0, granted, buyer[1], ctx.rev }
  buyer[1] = id
  for i = 1, #granted, 4 do buyer_add(ctx, buyer_id, granted[i], granted[i + 1]) end
  join_waitlist(ctx, id, record)
  put_claim(ctx, id, record)
  emit(ctx, { 'claimed', id, 'waitlisted', buyer_id, channel, granted_events(ctx, granted), record[R.amount], 0, '' })
  return first_answer(ctx, record, false)
end

-- One outcome for the basket, from its lines. nil: grant what was got.
local function basket_refusal(lines, partial, waitlist)
  local got, short, only_stock = 0, 0, true
  for i = 1, #lines do
    local line = lines[i]
    got = got + line.got
    if line.got < line.packs then
      short = short + 1
      if line.out ~= OUT.sold_out then only_stock = false end
    end
  end
  if short == 0 or (partial and got > 0) then return nil end
  if waitlist and only_stock then return 'queue' end
  return 'refuse'
end

-- The rules, for a claim whose lines stand in `req` from `from`. 
local function decide_lines(ctx, id, body, req, from, replaces)
  local buyer_id, channel = req[1], req[2]
  local partial, waitlist = has_flag(req[3], FLAG_PARTIAL), has_flag(req[3], FLAG_WAITLIST)
  local lines = line_wants(ctx, req, from)
  if ctx.state ~= 'open' then return refuse_lines(ctx, lines, channel, OUT.not_on_sale) end
  stock_lines(ctx, lines, channel, partial)
  if basket_refusal(lines, partial, waitlist) == 'refuse' then return refuse_lines(ctx, lines, channel) end
  if is_blocked(buyer_of(ctx, buyer_id)) then return refuse_lines(ctx, lines, channel, OUT.blocked) end
  limit_lines(ctx, lines, buyer_id, partial)
  local verdict = basket_refusal(lines, partial, waitlist)
  if verdict == 'refuse' then return refuse_lines(ctx, lines, channel) end
  if verdict == 'queue' then return queue(ctx, id, body, buyer_id, channel, lines) end
  local outcome = OUT.reserved
  for i = 1, #lines do
    local line = lines[i]
    if line.got < line.packs then
      count_refusal(ctx, line.offer, channel, line.cut, 0, line.packs - line.got)
      outcome = OUT.partial
    elseif line.presale and outcome == OUT.reserved then
      outcome = OUT.presold
    end
  end
  return grant(ctx, id, body, buyer_id, channel, lines, outcome, replaces)
end

local function claim_problem(op, lines_from, packs_min)
  if not is_id(op[2]) then return 'claim_id' end
  if type(op[3]) ~= 'string' then return 'body' end
  if not is_id(op[4]) then return 'buyer_id' end
  if not is_id(op[5]) then return 'channel' end
  if not is_int(op[6], 0, 3) then return 'flags' end
  return lines_problem(op, lines_from, packs_min)
end

-- The record of an id that was used before: the first answer again, or conflict where the content is another.
-- A claim and a fact are never the same request, even where their bytes happen to be equal.
local function replay_or_conflict(ctx, id, body, is_fact)
  local record = claim_of(ctx, id)
  if not record then return nil end
  local was_fact = record[R.state] == ST.recorded or record[R.state] == ST.reversed
  if record[R.body] ~= body or was_fact ~= (is_fact or false) then return refuse(OUT.conflict) end
  return first_answer(ctx, record, true)
end

local function op_claim(ctx, op)
  local problem = claim_problem(op, 7, 1)
  if problem or #op < 8 then return refuse(OUT.invalid, problem or 'lines') end
  return replay_or_conflict(ctx, op[2], op[3]) or decide_lines(ctx, op[2], op[3], { unpack(op, 4) }, 4)
end
