--[[ extend: move a live hold's deadline to a later moment.
OP      1 claim_id   2 expires_at_ms, at most a day ahead
ANSWERS extended (replayed where it stands there already or later); the ending where it has ended; unknown, invalid
RETRY   safe: asking for the same moment again changes nothing ]]

local EXTEND_MAX_MS = 86400000

local function op_extend(ctx, op)
  local id, expires = op[2], op[3]
  if not is_id(id) then return refuse(OUT.invalid, 'claim_id') end
  if not is_int(expires, 1, ctx.now + EXTEND_MAX_MS) then return refuse(OUT.invalid, 'expires_at_ms') end
  local record = claim_now(ctx, id)
  if not record or record[R.state] == ST.amended then return refuse(OUT.unknown) end
  local state = record[R.state]
  if state == ST.waitlisted then return refuse(OUT.waitlisted, 'not_reserved_yet') end
  if state ~= ST.held and state ~= ST.presale_held then
    return record[R.ending] and ending_answer(record, true) or first_answer(ctx, record, true)
  end
  local stands = expires_now(record)
  if stands == 0 or stands >= expires then
    return { OUT.extended, 1, amount_now(record), stands, record[R.rev], false, '' }
  end
  change_now(record, amount_now(record), expires, granted_now(record))
  put_claim(ctx, id, record)
  table.insert(due_at(ctx, expires), id)
  emit(ctx, { 'extended', id, expires })
  return { OUT.extended, 0, amount_now(record), expires, ctx.rev, false, '' }
end
