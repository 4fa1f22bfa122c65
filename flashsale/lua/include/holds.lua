--[[ holds: ending what is open. Every way out of a hold passes here, so that it ends once. ]]

local WAS = { [1] = 'reserved', [2] = 'presold', [3] = 'waitlisted', [4] = 'confirmed', [5] = 'presale_order' }

local function buyer_give_up(ctx, buyer_id, granted)
  for i = 1, #granted, 4 do buyer_add(ctx, buyer_id, granted[i], -granted[i + 1]) end
end

-- End an open claim as cancelled or expired; its stock goes back, first to the waitlist.
local function end_open(ctx, claim_id, record, how, reason)
  local body = cmsgpack.unpack(record[R.body])
  local buyer_id, channel, granted, was = body[1], body[2], granted_now(record), record[R.state]
  if was == ST.waitlisted then
    leave_waitlist(ctx, claim_id, record)
  else
    ctx.totals.holds = ctx.totals.holds - 1
    for_granted(ctx, granted, function(offer, pool, packs, presale)
      release_held_line(ctx, pool, offer, channel, packs, presale)
    end)
  end
  buyer_give_up(ctx, buyer_id, granted)
  local amount = amount_now(record)
  end_record(ctx, record, how == 'expired' and ST.expired or ST.cancelled, OUT[how], 0)
  put_claim(ctx, claim_id, record)
  emit(ctx, { 'ended', claim_id, buyer_id, channel, how, WAS[was], granted_events(ctx, granted), amount, reason or '' })
end

-- Take `packs` of one offer out of an open claim (from a buyer's later comment); ends it when nothing is left.
local function reduce_open(ctx, claim_id, record, idx, packs)
  local granted, rest, part, left = granted_now(record), {}, nil, 0
  for i = 1, #granted, 4 do
    local keep = granted[i + 1]
    if granted[i] == idx then
      part = { idx, math.min(packs, keep), granted[i + 2], granted[i + 3] }
      keep = keep - part[2]
    end
    if keep > 0 then
      left = left + keep
      for _, v in ipairs({ granted[i], keep, granted[i + 2], granted[i + 3] }) do rest[#rest + 1] = v end
    end
  end
  if left == 0 then
    end_open(ctx, claim_id, record, 'cancelled', 'amended')
    return
  end
  local body, was = cmsgpack.unpack(record[R.body]), record[R.state]
  if was == ST.waitlisted then
    -- Leave with the old amounts and join again at the same place with the new ones.
    local place = record[R.place]
    leave_waitlist(ctx, claim_id, record)
    change_now(record, granted_amount(rest), 0, rest)
    record[R.place] = place
    for_granted(ctx, rest, function(offer, pool, n)
      pool.waitlisted = pool.waitlisted + n * offer.units_per_pack
      touch_pool(ctx, pool)
    end)
    ctx.totals.waitlisted = ctx.totals.waitlisted + 1
    for _, member in ipairs(waitlist_members(ctx, claim_id, record)) do
      ctx.waitlist_gone[member] = nil
    end
    for_granted(ctx, rest, function(_, pool) ctx.freed[pool.id] = true end) -- a smaller wish may fit now
  else
    for_granted(ctx, part, function(offer, pool, n, presale) release_held_line(ctx, pool, offer, body[2], n, presale) end)
    change_now(record, granted_amount(rest), expires_now(record), rest)
  end
  buyer_give_up(ctx, body[1], part)
  put_claim(ctx, claim_id, record)
  emit(ctx, { 'reduced', claim_id, body[1], body[2], WAS[was], granted_events(ctx, part), granted_amount(part), granted_amount(rest) })
end

-- End a hold whose deadline has come. Returns the claim's record, and whether it ended now.
local function end_if_due(ctx, id)
  local record = claim_of(ctx, id)
  if not record or (record[R.state] ~= ST.held and record[R.state] ~= ST.presale_held) then return record, false end
  if expires_now(record) == 0 or expires_now(record) > ctx.now then return record, false end
  end_open(ctx, id, record, 'expired')
  return record, true
end

-- A claim as it stands at this moment: a hold whose deadline has come is over, whether or not the sweep has been there.
local function claim_now(ctx, id)
  local record, ended = end_if_due(ctx, id)
  if ended then serve_waitlists(ctx) end
  return record
end

-- Expire what is due by the store's clock. Runs at the head of every call, so that no claim is refused for stock whose
-- hold is over and no late confirm slips in. At most SWEEP_MAX holds a call; returns whether more are due. All that falls due
-- together is free at once: the waitlist is served after the last of it, or a later, smaller wish would overtake an earlier one.
local function sweep(ctx)
  local swept, more = 0, true
  while more and swept < SWEEP_MAX do
    local due = redis.call('ZRANGEBYSCORE', ctx.keys[K.deadlines], '-inf', string.format('%.0f', ctx.now), 'LIMIT', #ctx.deadlines_del, 8)
    more = #due > 0
    for m = 1, #due do
      local ids = {}
      for line in due[m]:gmatch('[^\n]+') do ids[#ids + 1] = line end
      table.remove(ids, 1) -- the rev that made the member unique
      prefetch(ctx.keys[K.claims], ctx.claims, ids)
      for i = 1, #ids do end_if_due(ctx, ids[i]) end
      swept = swept + #ids
      ctx.deadlines_del[#ctx.deadlines_del + 1] = due[m]
    end
  end
  serve_waitlists(ctx)
  return more
end
