--[[ check: what a value from outside must be before anything is decided with it. No writes. ]]

local function is_int(v, lo, hi)
  return type(v) == 'number' and v >= lo and v <= hi and v == math.floor(v)
end

-- An id: 1 to ID_BYTES_MAX bytes without the characters that separate members in the store: space, line feed, NUL. (The doors
-- of the service are stricter.) Plain searches, because this runs for every claim.
local function is_id(v)
  return type(v) == 'string' and #v >= 1 and #v <= ID_BYTES_MAX and not v:find(' ', 1, true) and not v:find('\n', 1, true)
    and not v:find('\0', 1, true)
end

-- Whether all of a list are ids, in one pass over them joined; false where any may not be.
local function all_ids(list)
  local joined = table.concat(list)
  return not (joined:find(' ', 1, true) or joined:find('\n', 1, true) or joined:find('\0', 1, true))
end

local function is_text(v, bytes_max)
  return type(v) == 'string' and #v <= bytes_max and not v:find('%c')
end

-- A map from channel to units, as msgpack made it (an empty one arrives as an empty array).
local function is_channel_map(v)
  if type(v) ~= 'table' then return false end
  local n = 0
  for channel, units in pairs(v) do
    n = n + 1
    if n > CHANNELS_MAX or not is_id(channel) or not is_int(units, 0, UNITS_MAX) then return false end
  end
  return true
end

-- Flat lines sku, packs, sku, packs, … from place `from`. Each sku once, each packs from `packs_min`.
local function lines_problem(flat, from, packs_min)
  local n = #flat - from + 1
  if n % 2 ~= 0 then return 'lines' end
  if n / 2 > LINES_MAX then return 'too_many_lines' end
  local seen = {}
  for i = from, #flat, 2 do
    local sku = flat[i]
    if not is_id(sku) then return 'sku' end
    if seen[sku] then return 'sku_twice' end
    seen[sku] = true
    if not is_int(flat[i + 1], packs_min, PACKS_MAX) then return 'packs' end
  end
  return nil
end
