--[[ st_decide: decide a batch of operations, in order, atomically, and append what changed to the log.
KEYS    1 sale hash   2 pools hash   3 offers hash   4 claims hash   5 buyers hash   6 deadlines zset   7 waitlist zset
        8 log stream   9 seen set   10 draws hash   11 entrants zset
ARGV    1 msgpack array 32 of operations, each { code, fields … } (see the files of ops/)
RETURNS msgpack array { rev, now_ms, more_due 0/1, expires_at_ms of a new hold, answers }: one answer per operation, same order, each
        { outcome code, replayed 0/1, amount_minor, expires_at_ms, rev, flat lines or false, detail }, or for a plain claim
        (see ops/claim.lua) the refusal's code or minus the unit price
WRITES  KEYS 1-11, all after the last operation was decided        COST O(operations + holds due, at most 2,000)
RETRY   safe: every operation is idempotent by the id its sender made ]]

local OPS = { op_claim, op_amend, op_confirm, op_cancel, op_extend, op_fact, op_adjust_pool, op_set_pool, op_set_offer, op_set_sale,
  op_set_sale_state, op_block, op_observe, op_open_draw, op_enter_draw, op_close_draw, op_settle_draw }
local CODE_CLAIM, CODE_AMEND, CODE_CANCEL, CODE_CONFIRM, CODE_FACT, CODE_SET_SALE = 1, 2, 4, 3, 6, 10

-- One wide read for all claims and one for all their buyers, instead of two look-ups a claim. Returns which operations are
-- plain claims. A plain claim that is refused for want of stock, whoever asks, does not need its buyer.
local function prefetch_batch(ctx, ops, count)
  local plain, ids, buyers, channels, wanting = {}, {}, {}, {}, {}
  for i = 1, count do
    local op = ops[i]
    local code = type(op) == 'table' and op[1]
    if code == CODE_CLAIM and is_plain(op) then
      plain[i] = true
      ids[#ids + 1] = op[2]
      buyers[#buyers + 1] = op[4]
      channels[op[5]] = true
    elseif code == CODE_CLAIM or code == CODE_AMEND or code == CODE_FACT or code == CODE_CONFIRM or code == CODE_CANCEL then
      if is_id(op[2]) then ids[#ids + 1] = op[2] end
      if (code == CODE_CLAIM or code == CODE_AMEND) and is_id(op[4]) then wanting[#wanting + 1] = op[4] end
    end
  end
  if not all_ids(buyers) or not all_ids(ids) then plain = {} end
  for channel in pairs(channels) do
    if not is_id(channel) then plain = {} end
  end
  prefetch(ctx.keys[K.claims], ctx.claims, ids)
  for i = 1, count do
    if plain[i] then
      local op = ops[i]
      local plan = ctx.plans[op[7]] or plan_of(ctx, op[7])
      if plan.sells and op[8] * plan.offer.units_per_pack <= plan.pool.available then wanting[#wanting + 1] = op[4] end
    end
  end
  prefetch(ctx.keys[K.buyers], ctx.buyers, wanting)
  return plain
end

local function st_decide(keys, args)
  -- The count is read from the array's own header, because a nil among the operations would hide those behind it from Lua.
  local is_array = #args[1] >= 5 and args[1]:byte(1) == 0xdd
  local ok, ops = pcall(cmsgpack.unpack, args[1])
  if not is_array or not ok then return redis.error_reply('MALFORMED the batch is not a msgpack array') end
  local count = struct.unpack('>I4', args[1], 2)
  local ctx = new_context(keys)
  local more = sweep(ctx)
  local plain = prefetch_batch(ctx, ops, count)
  local results = {}
  for i = 1, count do
    local op = ops[i]
    local handler = type(op) == 'table' and OPS[op[1]]
    if not handler then
      results[i] = refuse(OUT.invalid, 'operation')
    elseif not ctx.exists and op[1] ~= CODE_SET_SALE then
      results[i] = refuse(OUT.unknown, 'sale')
    else
      results[i] = handler(ctx, op, plain[i])
    end
  end
  commit(ctx)
  return cmsgpack.pack({ ctx.rev, ctx.now, more and 1 or 0, ctx.expires_at, results })
end

redis.register_function('st_decide', st_decide)
