--[[ plain: the short form of the commonest records. One line of stock, reserved by a buyer who had nothing before: that is nearly
every claim of a rush, so it is written as packed integers and read back only when something happens to it.
A first byte of 193, which MessagePack never uses, marks the short form; everything else is MessagePack.
claim   193, offer index u16, packs u16, unit price u32, expires_at_ms f64, rev ms f64, rev seq u32, then the request's bytes
buyer   193, flags u8, offer index u16, packs u16, then the id of the last claim ]]

local CLAIM_FORMAT, CLAIM_BYTES = '>BHHI4ddI4', 29
local BUYER_FORMAT, BUYER_BYTES = '>BBHH', 6
local PRICE_PLAIN_MAX, PLAIN_BYTE = 4294967295, 193

local function pack_plain_claim(idx, packs, price, expires, rev_ms, rev_seq, body)
  return struct.pack(CLAIM_FORMAT, PLAIN_BYTE, idx, packs, price, expires, rev_ms, rev_seq) .. body
end

local function pack_plain_buyer(idx, packs, claim_id) return struct.pack(BUYER_FORMAT, PLAIN_BYTE, 0, idx, packs) .. claim_id end

local function decode_record(raw)
  if raw:byte(1) ~= PLAIN_BYTE then return cmsgpack.unpack(raw) end
  local _, idx, packs, price, expires, rev_ms, rev_seq = struct.unpack(CLAIM_FORMAT, raw)
  return { ST.held, raw:sub(CLAIM_BYTES + 1), OUT.reserved, packs * price, expires, { idx, packs, price, 0 }, false,
    string.format('%.0f-%.0f', rev_ms, rev_seq) }
end

local function decode_buyer(raw)
  if raw:byte(1) ~= PLAIN_BYTE then return cmsgpack.unpack(raw) end
  local _, flags, idx, packs = struct.unpack(BUYER_FORMAT, raw)
  return { raw:sub(BUYER_BYTES + 1), flags, idx, packs }
end
