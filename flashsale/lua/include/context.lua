--[[ context: one call's view of the sale: read through caches, written back once, at the end.
Handlers change Lua tables only. `commit` writes everything after the last operation was decided, so that an error in
between leaves the store as it was. ]]

local K = { sale = 1, pools = 2, offers = 3, claims = 4, buyers = 5, deadlines = 6, waitlist = 7, log = 8, seen = 9,
  draws = 10, entrants = 11 }

local TOTALS = { 'orders', 'revenue', 'presale_orders', 'presale', 'buyers', 'holds', 'waitlisted', 'refused',
  'refunds_due', 'duplicates', 'comments', 'likes', 'gifts', 'follows', 'enters', 'waitlist_seq' }

-- The place in the log that this call will write, known before anything is decided, so that records can name it.
local function next_rev(last, now)
  local ms, seq = 0, 0
  if last then
    local m, n = last:match('^(%d+)-(%d+)$')
    ms, seq = tonumber(m), tonumber(n)
  end
  if now > ms then return now, 0 end
  return ms, seq + 1
end

local function new_context(keys)
  local head = redis.call('HMGET', keys[K.sale], 'settings', 'state', 'totals', 'channels', 'skus', 'skew_ms', 'rev')
  local time = redis.call('TIME')
  local ctx = {
    keys = keys,
    -- skew_ms is written by tests only: they move time forward instead of waiting for it.
    now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000) + (tonumber(head[6]) or 0),
    exists = head[1] and true or false,
    settings = head[1] and cmsgpack.unpack(head[1]) or {},
    state = head[2] or 'draft',
    totals = head[3] and cmsgpack.unpack(head[3]) or {},
    channels = head[4] and cmsgpack.unpack(head[4]) or {},
    skus = head[5] and cmsgpack.unpack(head[5]) or {},
    pools = {}, offers = {}, claims = {}, buyers = {}, draws = {},
    dirty_pools = {}, dirty_offers = {}, dirty_claims = {}, dirty_buyers = {}, dirty_draws = {},
    dirty_skus = false, new_claims = {}, new_buyers = {}, new_count = 0,
    events = {}, refusal = false, refusals = {}, observed = {},
    deadlines_due = {}, deadlines_add = {}, deadlines_del = {},
    waitlist_add = {}, waitlist_gone = {}, seen_add = {}, seen_known = {}, entrants_add = {}, freed = {},
  }
  local ttl = ctx.settings.hold_ttl_ms or 0
  ctx.expires_at = ttl > 0 and ctx.now + ttl or 0 -- of a new hold, by the settings as the call found them
  ctx.rev_ms, ctx.rev_seq = next_rev(head[7], ctx.now)
  ctx.rev = string.format('%.0f-%.0f', ctx.rev_ms, ctx.rev_seq)
  for i = 1, #TOTALS do
    if not ctx.totals[TOTALS[i]] then ctx.totals[TOTALS[i]] = 0 end
  end
  return ctx
end

-- Read many fields of one hash into a cache at once, as they are stored; what is not there is remembered as false. What the
-- cache has already is left alone: it may have been changed in this call.
local function prefetch(key, cache, wanted)
  local ids = {}
  for i = 1, #wanted do
    if cache[wanted[i]] == nil then ids[#ids + 1] = wanted[i] end
  end
  for from = 1, #ids, ARGS_MAX do
    local upto = math.min(from + ARGS_MAX - 1, #ids)
    local found = redis.call('HMGET', key, unpack(ids, from, upto))
    for i = from, upto do
      cache[ids[i]] = found[i - from + 1]
    end
  end
end

-- One field of a hash, decoded at its first use in this call.
local function lookup(key, cache, id, decode, ctx)
  local got = cache[id]
  if got == nil then got = redis.call('HGET', key, id) end
  if type(got) == 'string' then got = decode(got, ctx) end
  cache[id] = got
  return got
end

local function pool_of(ctx, pool_id) return lookup(ctx.keys[K.pools], ctx.pools, pool_id, cmsgpack.unpack) end
local function offer_of(ctx, sku) return lookup(ctx.keys[K.offers], ctx.offers, sku, cmsgpack.unpack) end
local function claim_of(ctx, id) return lookup(ctx.keys[K.claims], ctx.claims, id, decode_record, ctx) end
local function draw_of(ctx, id) return lookup(ctx.keys[K.draws], ctx.draws, id, cmsgpack.unpack) end

-- A buyer's record: { last claim id or false, 2 × orders + 1 if blocked, offer index, packs, offer index, packs, … }.
local function buyer_of(ctx, id)
  local got = lookup(ctx.keys[K.buyers], ctx.buyers, id, decode_buyer)
  if not got then
    got = { false, 0 }
    ctx.buyers[id] = got
  end
  return got
end

local function put_claim(ctx, id, record)
  ctx.claims[id] = record
  ctx.dirty_claims[id] = record
end

local function emit(ctx, event) ctx.events[#ctx.events + 1] = event end

local function channel_of(ctx, name)
  local got = ctx.channels[name]
  if not got then
    local n = 0
    for _ in pairs(ctx.channels) do n = n + 1 end
    if n >= CHANNELS_MAX then name = 'other' end
    got = ctx.channels[name]
    if not got then
      got = { orders = 0, revenue = 0, refused = 0, comments = 0, likes = 0, viewers = 0, gifts = 0, follows = 0, enters = 0 }
      ctx.channels[name] = got
    end
  end
  return got
end

-- The claims that end at one moment, as this call adds them.
local function due_at(ctx, expires)
  local due = ctx.deadlines_add[expires]
  if not due then
    due = {}
    ctx.deadlines_add[expires] = due
  end
  return due
end

local function hset_dirty(key, dirty)
  local args, n = { key }, 1
  for id, record in pairs(dirty) do
    args[n + 1], args[n + 2] = id, cmsgpack.pack(record)
    n = n + 2
    if n >= ARGS_MAX then
      redis.call('HSET', unpack(args, 1, n))
      args, n = { key }, 1
    end
  end
  if n > 1 then redis.call('HSET', unpack(args, 1, n)) end
end

local function hset_sliced(key, pairs_flat)
  for from = 1, #pairs_flat, ARGS_MAX do
    redis.call('HSET', key, unpack(pairs_flat, from, math.min(from + ARGS_MAX - 1, #pairs_flat)))
  end
end

local function call_sliced(command, key, list)
  for from = 1, #list, ARGS_MAX do
    redis.call(command, key, unpack(list, from, math.min(from + ARGS_MAX - 1, #list)))
  end
end

-- Sums over the batch become one event each: the log says what was refused and seen without a line for every comment.
-- Refusals are flushed before an offer changes too, because units are counted by the offer as it was.
local function flush_refusals(ctx)
  for _, sum in pairs(ctx.refusals) do
    local sku, pool_id, channel, outcome, claims, packs = sum[2], sum[3], sum[4], sum[5], sum[6], sum[7]
    if claims > 0 then
      ctx.totals.refused = ctx.totals.refused + claims
      local seen = channel_of(ctx, channel)
      seen.refused = seen.refused + claims
    end
    if outcome == 'sold_out' and sku ~= '' then
      local offer, pool = offer_of(ctx, sku), pool_of(ctx, pool_id)
      offer.packs_refused = offer.packs_refused + packs
      pool.refused = pool.refused + packs * offer.units_per_pack
      ctx.dirty_offers[sku], ctx.dirty_pools[pool_id] = offer, pool
    end
    emit(ctx, sum)
  end
  ctx.refusals, ctx.refusal = {}, false
end

-- Counted here and not as they come, so that a sale's 65th channel becomes `other` for the same channel here and in the books.
local function count_observed(ctx, channel, sum)
  local totals, seen = ctx.totals, nil
  totals.duplicates = totals.duplicates + sum.duplicates
  for _, name in ipairs({ 'comments', 'likes', 'gifts', 'follows', 'enters' }) do
    if sum[name] > 0 then
      seen = seen or channel_of(ctx, channel)
      totals[name] = totals[name] + sum[name]
      seen[name] = seen[name] + sum[name]
    end
  end
  if sum.viewers >= 0 then channel_of(ctx, channel).viewers = sum.viewers end
end

local function flush_observed(ctx)
  for channel, sum in pairs(ctx.observed) do
    count_observed(ctx, channel, sum)
    local event = { 'observed', channel, sum.comments, sum.likes, sum.gifts, sum.follows, sum.enters, sum.viewers, sum.duplicates }
    if next(sum.demand) then event[10] = sum.demand end
    emit(ctx, event)
  end
end

-- Claims and ended holds of one batch with the same deadline share one member: rev, then their ids, by line.
local function write_deadlines(ctx, rev)
  if #ctx.deadlines_del > 0 then call_sliced('ZREM', ctx.keys[K.deadlines], ctx.deadlines_del) end
  for deadline, ids in pairs(ctx.deadlines_add) do
    redis.call('ZADD', ctx.keys[K.deadlines], deadline, rev .. '\n' .. table.concat(ids, '\n'))
  end
end

local function write_waitlist(ctx)
  local gone, add = {}, {}
  for member in pairs(ctx.waitlist_gone) do gone[#gone + 1] = member end
  for i = 1, #ctx.waitlist_add do
    local member = ctx.waitlist_add[i]
    if not ctx.waitlist_gone[member] then
      add[#add + 1], add[#add + 2] = 0, member
    end
  end
  if #gone > 0 then call_sliced('ZREM', ctx.keys[K.waitlist], gone) end
  if #add > 0 then call_sliced('ZADD', ctx.keys[K.waitlist], add) end
end

-- Everything is written here, after the last operation was decided. Returns the place in the log, '' where nothing changed.
local function commit(ctx)
  flush_refusals(ctx)
  flush_observed(ctx)
  local rev = #ctx.events > 0 and ctx.rev or ''
  if rev ~= '' then
    redis.call('XADD', ctx.keys[K.log], rev, 't', string.format('%.0f', ctx.now), 'e', cmsgpack.pack(ctx.events))
  end
  -- What was new and plain is written as it was built; where a later operation of the call changed it, that comes after.
  hset_sliced(ctx.keys[K.claims], ctx.new_claims)
  hset_sliced(ctx.keys[K.buyers], ctx.new_buyers)
  hset_dirty(ctx.keys[K.pools], ctx.dirty_pools)
  hset_dirty(ctx.keys[K.offers], ctx.dirty_offers)
  hset_dirty(ctx.keys[K.claims], ctx.dirty_claims)
  hset_dirty(ctx.keys[K.buyers], ctx.dirty_buyers)
  hset_dirty(ctx.keys[K.draws], ctx.dirty_draws)
  write_deadlines(ctx, rev)
  write_waitlist(ctx)
  if #ctx.seen_add > 0 then call_sliced('SADD', ctx.keys[K.seen], ctx.seen_add) end
  if #ctx.entrants_add > 0 then call_sliced('ZADD', ctx.keys[K.entrants], ctx.entrants_add) end
  if rev ~= '' then
    local sale = { 'settings', cmsgpack.pack(ctx.settings), 'state', ctx.state, 'totals', cmsgpack.pack(ctx.totals),
      'channels', cmsgpack.pack(ctx.channels), 'rev', rev }
    if ctx.dirty_skus then
      sale[#sale + 1], sale[#sale + 2] = 'skus', cmsgpack.pack(ctx.skus)
    end
    redis.call('HSET', ctx.keys[K.sale], unpack(sale))
  end
  return rev
end
