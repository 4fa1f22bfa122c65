--[[ cancel: end what is open, or take back an order.
OP      1 claim_id   2 reason   3 order 0/1: a confirmed order too
ANSWERS cancelled; the first ending again where it has ended (confirmed, unless `order`); unknown, invalid
RETRY   safe: a hold ends once ]]

local function take_back_order(ctx, id, record, reason)
  local body, granted, was = cmsgpack.unpack(record[R.body]), granted_now(record), record[R.state]
  for_granted(ctx, granted, function(offer, pool, packs, presale, amount)
    unsell_line(ctx, pool, offer, body[2], packs, presale, amount)
  end)
  buyer_give_up(ctx, body[1], granted)
  buyer_orders_add(ctx, body[1], -1)
  count_order(ctx, body[2], granted, nil, -1)
  local amount = amount_now(record)
  end_record(ctx, record, ST.cancelled, OUT.cancelled, amount, 'order')
  put_claim(ctx, id, record)
  emit(ctx, { 'ended', id, body[1], body[2], 'cancelled', WAS[was], granted_events(ctx, granted), amount, reason })
  serve_waitlists(ctx)
  return ending_answer(record, false)
end

local function op_cancel(ctx, op)
  local id, reason = op[2], op[3]
  if not is_id(id) then return refuse(OUT.invalid, 'claim_id') end
  if not is_text(reason, 200) then return refuse(OUT.invalid, 'reason') end
  local record = claim_now(ctx, id)
  if not record or record[R.state] == ST.amended then return refuse(OUT.unknown) end
  if is_open(record) then
    end_open(ctx, id, record, 'cancelled', reason)
    serve_waitlists(ctx)
    return ending_answer(record, false)
  end
  local state = record[R.state]
  if op[4] == 1 and (state == ST.confirmed or state == ST.presale_order) then return take_back_order(ctx, id, record, reason) end
  if record[R.ending] then return ending_answer(record, true) end
  return first_answer(ctx, record, true)
end
