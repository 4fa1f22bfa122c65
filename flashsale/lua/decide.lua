--[[ st_decide: decide a batch of operations, in order, atomically, and append what changed to the log.
KEYS    1 sale hash   2 pools hash   3 offers hash   4 claims hash   5 buyers hash   6 deadlines zset   7 waitlist zset
        8 log stream   9 seen set   10 draws hash   11 entrants zset
ARGV    1 msgpack array 32 of operations, each { code, fields … } (see the files of ops/)
RETURNS msgpack array { rev, now_ms, more_due 0/1, expires_at_ms of a new hold, answers }: one answer per operation, same order, each
        { outcome code, replayed 0/1, amount_minor, expires_at_ms, rev, flat lines or false, detail }, or for claims in columns
        (ops/claims.lua) an array of answers
WRITES  KEYS 1-11, all after the last operation was decided        COST O(operations + holds due, at most 2,000)
RETRY   safe: every operation is idempotent by the id its sender made ]]

local OPS = { op_claim, op_amend, op_confirm, op_cancel, op_extend, op_fact, op_adjust_pool, op_set_pool, op_set_offer, op_set_sale,
  op_set_sale_state, op_block, op_observe, op_open_draw, op_enter_draw, op_close_draw, op_settle_draw, op_claims }
local CODE_SET_SALE, CODE_CLAIMS = 10, 18
local NAMES_CLAIM = { true, true, true, true, true, true } -- operations 1 to 6 begin with the id of a claim or fact

-- One wide read for all claims that are named alone, instead of a look-up each. Columns see to themselves.
local function prefetch_batch(ctx, ops, count)
  local ids = {}
  for i = 1, count do
    local op = ops[i]
    if type(op) == 'table' and NAMES_CLAIM[op[1]] and is_id(op[2]) then ids[#ids + 1] = op[2] end
  end
  if #ids > 1 then prefetch(ctx.keys[K.claims], ctx.claims, ids) end
end

local function refuse_column(op, code, detail)
  local answers = {}
  for i = 1, type(op[4]) == 'table' and #op[4] or 0 do answers[i] = refuse(code, detail) end
  return answers
end

local function st_decide(keys, args)
  -- The count is read from the array's own header, because a nil among the operations would hide those behind it from Lua.
  local is_array = #args[1] >= 5 and args[1]:byte(1) == 0xdd
  local ok, ops = pcall(cmsgpack.unpack, args[1])
  if not is_array or not ok then return redis.error_reply('MALFORMED the batch is not a msgpack array') end
  local count = struct.unpack('>I4', args[1], 2)
  local ctx = new_context(keys)
  local more = sweep(ctx)
  prefetch_batch(ctx, ops, count)
  local results = {}
  for i = 1, count do
    local op = ops[i]
    local handler = type(op) == 'table' and OPS[op[1]]
    if not handler then
      results[i] = refuse(OUT.invalid, 'operation')
    elseif not ctx.exists and op[1] ~= CODE_SET_SALE then
      results[i] = op[1] == CODE_CLAIMS and refuse_column(op, OUT.unknown, 'sale') or refuse(OUT.unknown, 'sale')
    else
      results[i] = handler(ctx, op)
    end
  end
  commit(ctx)
  return cmsgpack.pack({ ctx.rev, ctx.now, more and 1 or 0, ctx.expires_at, results })
end

redis.register_function('st_decide', st_decide)
