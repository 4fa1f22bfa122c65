--[[ plain: the short form of the commonest records. One line of stock, reserved by a buyer who had nothing before: that is nearly
every claim of a rush, so it is written as packed integers and read back only when something happens to it.
A first byte of 193, which MessagePack never uses, marks the short form; everything else is MessagePack.
claim   193, offer index u16, packs u16, unit price u32, expires_at_ms f64, rev ms f64, rev seq u32, channel's length u8, channel,
        buyer id
buyer   193, 2 × orders + 1 if blocked u8, offer index u16, packs u16, id of the last claim ]]

local CLAIM_FORMAT, CLAIM_BYTES = '>BHHI4ddI4B', 30
local BUYER_FORMAT, BUYER_BYTES = '>BBHH', 6
local PRICE_PLAIN_MAX, PLAIN_BYTE = 4294967295, 193

-- All of a claim's record but the buyer id, and all of a buyer's but the claim id; both go at the end.
local function pack_plain_claim(idx, packs, price, expires, rev_ms, rev_seq, channel)
  return struct.pack(CLAIM_FORMAT, PLAIN_BYTE, idx, packs, price, expires, rev_ms, rev_seq, #channel) .. channel
end

local function pack_plain_buyer(idx, packs) return struct.pack(BUYER_FORMAT, PLAIN_BYTE, 0, idx, packs) end

-- A plain claim's request as the sender would have encoded it (flashsale/codec.py); a test holds the two together.
local function plain_request(buyer_id, channel, sku, packs) return cmsgpack.pack({ buyer_id, channel, 0, sku, packs }) end

local function decode_record(raw, ctx)
  if raw:byte(1) ~= PLAIN_BYTE then return cmsgpack.unpack(raw) end
  local _, idx, packs, price, expires, rev_ms, rev_seq, size = struct.unpack(CLAIM_FORMAT, raw)
  local channel, buyer_id = raw:sub(CLAIM_BYTES + 1, CLAIM_BYTES + size), raw:sub(CLAIM_BYTES + size + 1)
  local body = plain_request(buyer_id, channel, ctx.skus[idx], packs)
  return { ST.held, body, OUT.reserved, packs * price, expires, { idx, packs, price, 0 }, false, string.format('%.0f-%.0f', rev_ms, rev_seq) }
end

local function decode_buyer(raw)
  if raw:byte(1) ~= PLAIN_BYTE then return cmsgpack.unpack(raw) end
  local _, flags, idx, packs = struct.unpack(BUYER_FORMAT, raw)
  return { raw:sub(BUYER_BYTES + 1), flags, idx, packs }
end
