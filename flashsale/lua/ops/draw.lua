--[[ draw: prize draws that a viewer can verify. The host is bound to a seed before anybody enters; who won follows from the
seed and the list of entrants by the rule in flashsale/draws.py, which anybody can compute again from what is published.
OP open_draw    1 draw_id   2 prize   3 winners_max   4 seed_hash   5 condition none, ordered or bought   6 word
OP enter_draw   1 draw_id   2 buyer_id
OP close_draw   1 draw_id
OP settle_draw  1 draw_id   2 seed   3 winners
ANSWERS applied (replayed where it was so already), not_on_sale (no entries any more, condition not met), blocked, conflict, unknown, invalid
RETRY   safe ]]

local CONDITIONS = { none = 1, ordered = 1, bought = 1 }
local WINNERS_MAX = 1000

local function open_problem(op)
  if not is_id(op[2]) then return 'draw_id' end
  if not is_text(op[3], 400) then return 'prize' end
  if not is_int(op[4], 1, WINNERS_MAX) then return 'winners_max' end
  if type(op[5]) ~= 'string' or not op[5]:match('^%x+$') or #op[5] ~= 64 then return 'seed_hash' end
  if not CONDITIONS[op[6]] then return 'condition' end
  if not is_text(op[7], 100) then return 'word' end
  return nil
end

local function op_open_draw(ctx, op)
  local problem = open_problem(op)
  if problem then return refuse(OUT.invalid, problem) end
  if not ctx.exists then return refuse(OUT.unknown, 'sale') end
  local draw = draw_of(ctx, op[2])
  if draw then
    local equal = draw.prize == op[3] and draw.winners_max == op[4] and draw.seed_hash == op[5] and draw.condition == op[6] and draw.word == op[7]
    return equal and unchanged() or refuse(OUT.conflict)
  end
  draw = { id = op[2], prize = op[3], winners_max = op[4], seed_hash = op[5], condition = op[6], word = op[7], state = 'open', entrants = 0,
    seed = '', winners = {}, opened_at = ctx.now }
  ctx.draws[op[2]], ctx.dirty_draws[op[2]] = draw, draw
  emit(ctx, { 'draw_opened', op[2], op[3], op[4], op[5], op[6], op[7] })
  return applied(ctx)
end

local function op_enter_draw(ctx, op)
  if not is_id(op[2]) then return refuse(OUT.invalid, 'draw_id') end
  if not is_id(op[3]) then return refuse(OUT.invalid, 'buyer_id') end
  local draw = draw_of(ctx, op[2])
  if not draw then return refuse(OUT.unknown) end
  local member = op[2] .. '\0' .. op[3]
  if ctx.seen_known[member] == nil then
    ctx.seen_known[member] = redis.call('ZSCORE', ctx.keys[K.entrants], member) and true or false
  end
  if ctx.seen_known[member] then return unchanged() end
  if draw.state ~= 'open' then return refuse(OUT.not_on_sale, 'entries_closed') end
  local buyer = buyer_of(ctx, op[3])
  if is_blocked(buyer) then return refuse(OUT.blocked) end
  if draw.condition == 'ordered' and not buyer_has_any(buyer) then return refuse(OUT.not_on_sale, 'condition') end
  if draw.condition == 'bought' and not has_bought(buyer) then return refuse(OUT.not_on_sale, 'condition') end
  ctx.seen_known[member] = true
  ctx.entrants_add[#ctx.entrants_add + 1] = 0
  ctx.entrants_add[#ctx.entrants_add + 1] = member
  draw.entrants = draw.entrants + 1
  ctx.dirty_draws[op[2]] = draw
  emit(ctx, { 'draw_entered', op[2], op[3] })
  return applied(ctx)
end

local function op_close_draw(ctx, op)
  if not is_id(op[2]) then return refuse(OUT.invalid, 'draw_id') end
  local draw = draw_of(ctx, op[2])
  if not draw then return refuse(OUT.unknown) end
  if draw.state ~= 'open' then return unchanged() end
  draw.state = 'closed'
  ctx.dirty_draws[op[2]] = draw
  emit(ctx, { 'draw_closed', op[2], draw.entrants })
  return applied(ctx)
end

local function winners_problem(ctx, draw, winners)
  if type(winners) ~= 'table' or #winners ~= math.min(draw.winners_max, draw.entrants) then return 'winners' end
  local seen = {}
  for i = 1, #winners do
    if not is_id(winners[i]) or seen[winners[i]] then return 'winners' end
    seen[winners[i]] = true
    local member = draw.id .. '\0' .. winners[i]
    if not ctx.seen_known[member] and not redis.call('ZSCORE', ctx.keys[K.entrants], member) then return 'winner_did_not_enter' end
  end
  return nil
end

local function op_settle_draw(ctx, op)
  if not is_id(op[2]) then return refuse(OUT.invalid, 'draw_id') end
  if not is_text(op[3], 200) then return refuse(OUT.invalid, 'seed') end
  local draw = draw_of(ctx, op[2])
  if not draw then return refuse(OUT.unknown) end
  if draw.state == 'settled' then
    return draw.seed == op[3] and same(draw.winners, op[4]) and unchanged() or refuse(OUT.conflict)
  end
  if draw.state ~= 'closed' then return refuse(OUT.conflict, draw.state) end
  local problem = winners_problem(ctx, draw, op[4])
  if problem then return refuse(OUT.invalid, problem) end
  draw.state, draw.seed, draw.winners = 'settled', op[3], op[4]
  ctx.dirty_draws[op[2]] = draw
  emit(ctx, { 'draw_settled', op[2], op[3], op[4] })
  return applied(ctx)
end
