--[[ records: a claim's, fact's or amendment's record, and what is answered from it.

record = { state, body, outcome, amount, expires_at, granted, previous claim of the buyer or false, rev,
           now = { amount, expires_at, granted } or false, ending = { outcome, amount, detail, rev } or false,
           waitlist place or false, line outcomes or false, detail of the first answer }
`body` is the request as it came: equal bytes are the same content, and the buyer and the channel are read from it.
`granted` is flat: offer index, packs, unit price, 1 for presale else 0, …  1 to 6 are the first answer and never change but
for the state; `now` stands where the claim was changed since. ]]

local R = { state = 1, body = 2, outcome = 3, amount = 4, expires = 5, granted = 6, previous = 7, rev = 8, now = 9,
  ending = 10, place = 11, line_outcomes = 12, detail = 13 }

local function amount_now(record) return record[R.now] and record[R.now][1] or record[R.amount] end
local function expires_now(record) return record[R.now] and record[R.now][2] or record[R.expires] end
local function granted_now(record) return record[R.now] and record[R.now][3] or record[R.granted] end

local function change_now(record, amount, expires, granted) record[R.now] = { amount, expires, granted } end

local function end_record(ctx, record, state, code, amount, detail)
  record[R.state] = state
  record[R.now] = record[R.now] or false
  record[R.ending] = { code, amount, detail or '', ctx.rev }
end

local function is_open(record)
  local state = record[R.state]
  return state == ST.held or state == ST.presale_held or state == ST.waitlisted
end

-- Answers: { code, replayed 0/1, amount, expires_at, rev, lines or false, detail }.
local function refuse(code, detail, lines) return { code, 0, 0, 0, '', lines or false, detail or '' } end

-- Lines of an answer, flat: sku, packs, outcome code, unit price, …
local function answer_lines(ctx, record)
  local lines, granted = {}, record[R.granted]
  local outcomes = record[R.line_outcomes]
  if outcomes then return outcomes end
  for i = 1, #granted, 4 do
    local code = granted[i + 3] == 1 and OUT.presold or OUT.reserved
    if record[R.outcome] == OUT.waitlisted then code = OUT.waitlisted end
    if record[R.outcome] == OUT.recorded then code = OUT.recorded end
    lines[#lines + 1] = ctx.skus[granted[i]]
    lines[#lines + 1] = granted[i + 1]
    lines[#lines + 1] = code
    lines[#lines + 1] = granted[i + 2]
  end
  return lines
end

local function first_answer(ctx, record, replayed)
  return { record[R.outcome], replayed and 1 or 0, record[R.amount], record[R.expires], record[R.rev], answer_lines(ctx, record),
    record[R.detail] or '' }
end

local function ending_answer(record, replayed)
  local ending = record[R.ending]
  return { ending[1], replayed and 1 or 0, ending[2], 0, ending[4], false, ending[3] }
end

-- Granted lines as the log shows them. Amounts are units of money for the whole line.
local function granted_events(ctx, granted, amounts)
  local out = {}
  for i = 1, #granted, 4 do
    local offer = offer_of(ctx, ctx.skus[granted[i]])
    local packs, price = granted[i + 1], granted[i + 2]
    out[#out + 1] = { offer.sku, packs, price, offer.pool_id, packs * offer.units_per_pack, granted[i + 3] == 1,
      amounts and amounts[(i + 3) / 4] or packs * price }
  end
  return out
end

local function granted_amount(granted)
  local amount = 0
  for i = 1, #granted, 4 do amount = amount + granted[i + 1] * granted[i + 2] end
  return amount
end

local function for_granted(ctx, granted, visit)
  for i = 1, #granted, 4 do
    local offer = offer_of(ctx, ctx.skus[granted[i]])
    visit(offer, pool_of(ctx, offer.pool_id), granted[i + 1], granted[i + 3] == 1, granted[i + 1] * granted[i + 2])
  end
end

-- Money and order counters, for a sale (sign 1) or for one taken back (sign -1).
local function count_order(ctx, channel_name, granted, amounts, sign)
  local revenue, presale, all_presale = 0, 0, true
  for i = 1, #granted, 4 do
    local amount = amounts and amounts[(i + 3) / 4] or granted[i + 1] * granted[i + 2]
    if granted[i + 3] == 1 then
      presale = presale + amount
    else
      revenue, all_presale = revenue + amount, false
    end
  end
  local totals, channel = ctx.totals, channel_of(ctx, channel_name)
  totals.revenue = totals.revenue + sign * revenue
  totals.presale = totals.presale + sign * presale
  channel.revenue = channel.revenue + sign * revenue
  if all_presale then
    totals.presale_orders = totals.presale_orders + sign
  else
    totals.orders = totals.orders + sign
    channel.orders = channel.orders + sign
  end
  return all_presale
end
