--[[ waitlist: first in, first out per pool; stock that comes back goes there in the same call that freed it.
A member is pool id, NUL, place (12 digits), NUL, claim id, all with score 0: byte order is the order of arrival. A claim of several
pools stands in each of their queues. One that does not fit keeps its place and lets the next one have a try, so that stock
never lies idle behind a large order. ]]

local function waitlist_members(ctx, claim_id, record)
  local members, place, queued = {}, string.format('%012.0f', record[R.place]), {}
  for_granted(ctx, granted_now(record), function(_, pool)
    if not queued[pool.id] then members[#members + 1] = pool.id .. '\0' .. place .. '\0' .. claim_id end
    queued[pool.id] = true
  end)
  return members
end

local function join_waitlist(ctx, claim_id, record)
  ctx.totals.waitlist_seq = ctx.totals.waitlist_seq + 1
  record[R.now] = false
  record[R.ending] = false
  record[R.place] = ctx.totals.waitlist_seq
  local members = waitlist_members(ctx, claim_id, record)
  for i = 1, #members do ctx.waitlist_add[#ctx.waitlist_add + 1] = members[i] end
  for_granted(ctx, record[R.granted], function(offer, pool, packs)
    pool.waitlisted = pool.waitlisted + packs * offer.units_per_pack
    touch_pool(ctx, pool)
  end)
  ctx.totals.waitlisted = ctx.totals.waitlisted + 1
end

local function leave_waitlist(ctx, claim_id, record)
  local members = waitlist_members(ctx, claim_id, record)
  for i = 1, #members do ctx.waitlist_gone[members[i]] = true end
  for_granted(ctx, granted_now(record), function(offer, pool, packs)
    pool.waitlisted = pool.waitlisted - packs * offer.units_per_pack
    touch_pool(ctx, pool)
  end)
  ctx.totals.waitlisted = ctx.totals.waitlisted - 1
end

-- Collect the head of a pool's queue, as place → claim id: at most WAITLIST_SCAN_MAX stored members, then those that this
-- call added.
local function waiting_for(ctx, pool_id, into)
  local members = redis.call('ZRANGEBYLEX', ctx.keys[K.waitlist], '[' .. pool_id .. '\0', '(' .. pool_id .. '\1', 'LIMIT', 0,
    WAITLIST_SCAN_MAX)
  local prefix = pool_id .. '\0'
  for i = 1, #ctx.waitlist_add do
    if ctx.waitlist_add[i]:sub(1, #prefix) == prefix then members[#members + 1] = ctx.waitlist_add[i] end
  end
  for i = 1, #members do
    if not ctx.waitlist_gone[members[i]] then
      into[tonumber(members[i]:sub(#prefix + 1, #prefix + 12))] = members[i]:sub(#prefix + 14)
    end
  end
end

local function fits(ctx, granted, channel)
  local asked = {}
  for i = 1, #granted, 4 do
    local offer = offer_of(ctx, ctx.skus[granted[i]])
    asked[offer.pool_id] = (asked[offer.pool_id] or 0) + granted[i + 1] * offer.units_per_pack
  end
  for pool_id, units in pairs(asked) do
    if units > free_for(pool_of(ctx, pool_id), channel) then return false end
  end
  return true
end

local function promote(ctx, claim_id, record, buyer_id, channel)
  leave_waitlist(ctx, claim_id, record)
  local ttl = ctx.settings.waitlist_ttl_ms
  local expires = ttl > 0 and ctx.now + ttl or 0
  local granted, amount = granted_now(record), amount_now(record)
  for_granted(ctx, granted, function(offer, pool, packs) hold_line(ctx, pool, offer, channel, packs, false) end)
  record[R.state] = ST.held
  change_now(record, amount, expires, granted)
  put_claim(ctx, claim_id, record)
  ctx.totals.holds = ctx.totals.holds + 1
  if expires > 0 then
    table.insert(due_at(ctx, expires), claim_id)
  end
  emit(ctx, { 'promoted', claim_id, buyer_id, channel, granted_events(ctx, granted), amount, expires })
end

-- Called after every operation that freed stock, and when a sale opens: nobody else can come between. Whoever waits for any
-- of the freed pools has a turn, in order of arrival over all of them.
local function serve_waitlists(ctx)
  if ctx.state ~= 'open' then return end
  local waiting, places = {}, {}
  for pool_id in pairs(ctx.freed) do
    local pool = pool_of(ctx, pool_id)
    if pool.waitlisted > 0 and pool.available > 0 then waiting_for(ctx, pool_id, waiting) end
  end
  ctx.freed = {}
  for place in pairs(waiting) do places[#places + 1] = place end
  table.sort(places)
  for i = 1, #places do
    local id = waiting[places[i]]
    local record = claim_of(ctx, id)
    local body = cmsgpack.unpack(record[R.body])
    if fits(ctx, granted_now(record), body[2]) and not is_blocked(buyer_of(ctx, body[1])) then
      promote(ctx, id, record, body[1], body[2])
    end
  end
end

-- Everybody who waits gets a turn: the sale opened, or somebody was let in again.
local function free_all_waiting(ctx)
  local ids = redis.call('HKEYS', ctx.keys[K.pools])
  prefetch(ctx.keys[K.pools], ctx.pools, ids)
  for i = 1, #ids do
    if pool_of(ctx, ids[i]).waitlisted > 0 then ctx.freed[ids[i]] = true end
  end
  serve_waitlists(ctx)
end
