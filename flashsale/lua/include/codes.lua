--[[ codes: the small integers that stand for outcomes and states in records and replies.
The same numbers stand in flashsale/codec.py; a test holds the two lists together. ]]

local OUT = {
  reserved = 1, partial = 2, presold = 3, waitlisted = 4, sold_out = 5, limit_reached = 6, not_on_sale = 7,
  blocked = 8, conflict = 9, expired = 10, confirmed = 11, cancelled = 12, extended = 13, recorded = 14,
  applied = 15, ignored = 16, frozen = 17, unknown = 18, invalid = 19,
}
-- The same by number, spelled out because no global (not even `pairs`) can be used while a library loads.
local OUT_NAME = { 'reserved', 'partial', 'presold', 'waitlisted', 'sold_out', 'limit_reached', 'not_on_sale', 'blocked', 'conflict',
  'expired', 'confirmed', 'cancelled', 'extended', 'recorded', 'applied', 'ignored', 'frozen', 'unknown', 'invalid' }

-- Where a claim stands. held, presale_held and waitlisted are open; the others are ended.
local ST = {
  held = 1, presale_held = 2, waitlisted = 3, confirmed = 4, presale_order = 5, cancelled = 6, expired = 7,
  recorded = 8, reversed = 9, amended = 10, refund_due = 11, adjusted = 12,
}

local ID_BYTES_MAX, PACKS_MAX, LINES_MAX = 128, 9999, 32
local UNITS_MAX, AMOUNT_MAX, TIME_MAX, SUM_MAX = 1e12, 1e13, 1e14, 9e15
local WAITLIST_SCAN_MAX, CHAIN_MAX, SWEEP_MAX, CHANNELS_MAX = 256, 64, 2000, 64
local ARGS_MAX = 4000 -- Lua can pass about 8,000 arguments to one call; wider writes go in slices of this

local FLAG_PARTIAL, FLAG_WAITLIST = 1, 2
