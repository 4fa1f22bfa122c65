--[[ st_decide: decide a batch of operations, in order, atomically, and append what changed to the log.
KEYS    1 sale hash   2 pools hash   3 offers hash   4 claims hash   5 buyers hash   6 deadlines zset   7 waitlist zset
        8 log stream   9 seen set   10 draws hash   11 entrants zset
ARGV    1 msgpack array of operations, each { code, fields … } (see the files of ops/)
RETURNS msgpack array { rev or '', now_ms, more_due 0/1, array of { outcome code, replayed 0/1, amount_minor, expires_at_ms,
        rev or true for this call's, flat lines or false, detail }, one per operation, same order }
WRITES  KEYS 1-11, all after the last operation was decided        COST O(operations + holds due, at most 2,000)
RETRY   safe: every operation is idempotent by the id its sender made ]]

local OPS = { op_claim, op_amend, op_confirm, op_cancel, op_extend, op_fact, op_adjust_pool, op_set_pool, op_set_offer, op_set_sale,
  op_set_sale_state, op_block, op_observe, op_open_draw, op_enter_draw, op_close_draw, op_settle_draw }
local CODE_CLAIM, CODE_AMEND, CODE_CANCEL, CODE_CONFIRM, CODE_FACT = 1, 2, 4, 3, 6

-- Requests travel as bytes so that the same bytes are the fingerprint; what does not decode is refused alone, as invalid.
local function read_request(op)
  if type(op[3]) ~= 'string' then return end
  local ok, req = pcall(cmsgpack.unpack, op[3])
  if ok then op.req = req end
end

-- One wide read for all claims and one for all buyers, instead of two look-ups a claim.
local function prefetch_batch(ctx, ops)
  local ids, n = {}, 0
  for i = 1, #ops do
    local op = ops[i]
    local code = type(op) == 'table' and op[1]
    if code == CODE_CLAIM or code == CODE_AMEND or code == CODE_FACT then read_request(op) end
    if (code == CODE_CLAIM or code == CODE_AMEND or code == CODE_FACT or code == CODE_CONFIRM or code == CODE_CANCEL) and is_id(op[2]) then
      n = n + 1
      ids[n] = op[2]
    end
  end
  if n > 1 then prefetch(ctx.keys[K.claims], ctx.claims, ids) end
  local buyers, b = {}, 0
  for i = 1, #ops do
    local op = ops[i]
    local req = type(op) == 'table' and op.req
    if type(req) == 'table' and is_id(req[1]) and ctx.claims[op[2]] == false then
      b = b + 1
      buyers[b] = req[1]
    end
  end
  if b > 1 then prefetch(ctx.keys[K.buyers], ctx.buyers, buyers) end
end

local function st_decide(keys, args)
  local ok, ops = pcall(cmsgpack.unpack, args[1])
  if not ok or type(ops) ~= 'table' then return redis.error_reply('MALFORMED the batch is not a msgpack array') end
  local ctx = new_context(keys)
  local more = sweep(ctx)
  prefetch_batch(ctx, ops)
  local results = {}
  for i = 1, #ops do
    local op = ops[i]
    local handler = type(op) == 'table' and OPS[op[1]]
    results[i] = handler and handler(ctx, op) or refuse(OUT.invalid, 'operation')
  end
  local rev = commit(ctx)
  return cmsgpack.pack({ rev, ctx.now, more and 1 or 0, results })
end

redis.register_function('st_decide', st_decide)
