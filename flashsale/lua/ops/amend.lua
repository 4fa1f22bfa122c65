--[[ amend: a buyer's comment, under the sale's repeat policy.
OP      1 claim_id   2 body   3 buyer_id   4 channel   5 flags   6 kind: order, set or cancel   7… sku, packs, …
ANSWERS as claim; ignored, frozen; applied (something was taken out), cancelled; unknown where there is nothing to change
RETRY   safe: what changed something is remembered under its id
An exchange is whole or not at all: if the larger part cannot be had, nothing changes. ]]

-- The buyer's open claims that hold an offer (any, for idx nil), newest first, at most CHAIN_MAX claims back.
local function open_claims(ctx, buyer_id, idx)
  local found, id = {}, buyer_of(ctx, buyer_id)[1]
  for _ = 1, CHAIN_MAX do
    if not id then break end
    local record = claim_now(ctx, id)
    if not record then break end
    if is_open(record) then
      local granted = granted_now(record)
      for i = 1, #granted, 4 do
        if not idx or granted[i] == idx then
          found[#found + 1] = { id = id, record = record, packs = granted[i + 1] }
          break
        end
      end
    end
    id = record[R.previous]
  end
  return found
end

local function remember_amend(ctx, id, body, code, amount)
  local record = { ST.amended, body, code, amount, 0, {}, false, ctx.rev }
  put_claim(ctx, id, record)
  return first_answer(ctx, record, false)
end

local function cancel_last(ctx, id, body, buyer_id)
  local open = open_claims(ctx, buyer_id, nil)[1]
  if not open then return refuse(OUT.unknown, 'nothing_open') end
  local amount = amount_now(open.record)
  end_open(ctx, open.id, open.record, 'cancelled', 'buyer')
  serve_waitlists(ctx)
  return remember_amend(ctx, id, body, OUT.cancelled, amount)
end

local function copy(value)
  if type(value) ~= 'table' then return value end
  local out = {}
  for k, v in pairs(value) do out[k] = copy(v) end
  return out
end

-- What giving packs back may change, as it is now; `undo` brings it back, in place, because others hold the same tables.
local function savepoint(ctx, buyer_id, shrink)
  local saved = { events = #ctx.events, waitlist_add = #ctx.waitlist_add, tables = {} }
  local function save(t) saved.tables[t] = saved.tables[t] or copy(t) end
  save(ctx.totals)
  save(ctx.freed)
  save(ctx.waitlist_gone)
  save(buyer_of(ctx, buyer_id))
  for _, part in ipairs(shrink) do
    for _, claim in ipairs(part.open) do
      save(claim.record)
      for_granted(ctx, granted_now(claim.record), function(offer, pool)
        save(offer)
        save(pool)
      end)
    end
  end
  return saved
end

local function undo(ctx, saved)
  for t, was in pairs(saved.tables) do
    for k in pairs(t) do t[k] = nil end
    for k, v in pairs(was) do t[k] = v end
  end
  for i = #ctx.events, saved.events + 1, -1 do ctx.events[i] = nil end
  for i = #ctx.waitlist_add, saved.waitlist_add + 1, -1 do ctx.waitlist_add[i] = nil end
end

local function give_back_packs(ctx, shrink)
  for _, part in ipairs(shrink) do
    local left = part.packs
    for _, claim in ipairs(part.open) do
      local packs = math.min(left, claim.packs)
      if packs > 0 then reduce_open(ctx, claim.id, claim.record, part.offer.idx, packs) end
      left = left - packs
    end
  end
end

-- Bring each named offer to the packs that the comment says. What shrinks is given back first and the rest is decided like
-- a claim; where that is refused, all is as it was.
local function set_lines(ctx, id, body, req)
  local buyer_id, more, shrink = req[1], { req[1], req[2], req[3] }, {}
  for i = 5, #req, 2 do
    local offer = offer_of(ctx, req[i])
    if not offer then return refuse(OUT.not_on_sale) end
    local open, have = open_claims(ctx, buyer_id, offer.idx), 0
    for _, claim in ipairs(open) do have = have + claim.packs end
    if req[i + 1] > have then
      more[#more + 1], more[#more + 2] = req[i], req[i + 1] - have
    elseif req[i + 1] < have then
      shrink[#shrink + 1] = { offer = offer, open = open, packs = have - req[i + 1] }
    end
  end
  if #more == 3 and #shrink == 0 then return refuse(OUT.ignored, 'as_it_was') end
  local saved, answer = savepoint(ctx, buyer_id, shrink), nil
  give_back_packs(ctx, shrink)
  if #more > 3 then
    answer = decide_lines(ctx, id, body, more, 4, 'amend')
    if not ctx.claims[id] then
      undo(ctx, saved)
      return answer
    end
  end
  serve_waitlists(ctx)
  return answer or remember_amend(ctx, id, body, OUT.applied, 0)
end

local function op_amend(ctx, op)
  local problem = claim_problem(op, 8, 0)
  if problem then return refuse(OUT.invalid, problem) end
  local id, body, req = op[2], op[3], { unpack(op, 4) }
  local buyer_id, kind, policy = req[1], req[4], ctx.settings.repeat_policy
  if kind ~= 'order' and kind ~= 'set' and kind ~= 'cancel' then return refuse(OUT.invalid, 'kind') end
  if kind ~= 'cancel' and #req < 6 then return refuse(OUT.invalid, 'lines') end
  for i = 6, kind == 'order' and #req or 0, 2 do
    if req[i] == 0 then return refuse(OUT.invalid, 'packs') end
  end
  local known = replay_or_conflict(ctx, id, body)
  if known then return known end
  if ctx.state ~= 'open' and kind ~= 'order' then return refuse(OUT.not_on_sale) end
  if kind == 'cancel' and #req == 4 then
    if policy == 'frozen' and buyer_has_any(buyer_of(ctx, buyer_id)) then return refuse(OUT.frozen) end
    return cancel_last(ctx, id, body, buyer_id)
  end
  local fresh, repeated = { req[1], req[2], req[3] }, 0
  for i = 5, #req, 2 do
    local offer = offer_of(ctx, req[i])
    if offer and buyer_packs(buyer_of(ctx, buyer_id), offer.idx) > 0 then
      repeated = repeated + 1
    else
      fresh[#fresh + 1], fresh[#fresh + 2] = req[i], req[i + 1]
    end
  end
  if policy == 'frozen' and repeated > 0 and (kind ~= 'order' or #fresh == 3) then return refuse(OUT.frozen) end
  if kind == 'order' then
    if repeated == 0 or policy == 'add' then
      local all = { req[1], req[2], req[3] }
      for i = 5, #req do all[#all + 1] = req[i] end
      return decide_lines(ctx, id, body, all, 4)
    end
    if policy == 'replace' then return set_lines(ctx, id, body, req) end
    if #fresh == 3 then return refuse(OUT.ignored, 'repeated') end
    return decide_lines(ctx, id, body, fresh, 4)
  end
  return set_lines(ctx, id, body, req)
end
