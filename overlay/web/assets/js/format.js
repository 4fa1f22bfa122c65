// Numbers, money and time as people read them. Everything that comes in is an integer: base units, minor units, milliseconds.

const GRAMS = new Set(["克", "g", "gram", "grams"]);
const MILLILITRES = new Set(["毫升", "ml", "millilitre", "milliliter"]);

/** The unit to show a pool in: kilograms and litres for what is counted in grams and millilitres, else its base unit. */
export function unitOf(pool) {
  const units = Math.max(pool.initial + pool.adjusted, pool.presale_quota, pool.sold);
  if (units >= 1000 && GRAMS.has(pool.base_unit)) return { per: 1000, name: "kg" };
  if (units >= 1000 && MILLILITRES.has(pool.base_unit)) return { per: 1000, name: "L" };
  return { per: 1, name: pool.base_unit };
}

const exact = new Intl.NumberFormat("zh-CN", { maximumFractionDigits: 3 });

/** Base units in the shown unit, exactly: 2999500 g is 2,999.5 kg and never "3,000". */
export const amount = (units, unit) => exact.format(units / unit.per);

export const withUnit = (units, unit) => `${amount(units, unit)} ${unit.name}`;

export const count = (number) => exact.format(number);

/** Whole percent, rounded down: 100 % is said only when nothing is left. */
export const percent = (part, whole) => (whole > 0 ? Math.floor((part * 100) / whole) : 0);

const currencies = new Map();

function currencyFormat(code) {
  if (!currencies.has(code)) {
    let format;
    try {
      format = new Intl.NumberFormat("zh-CN", { style: "currency", currency: code, currencyDisplay: "narrowSymbol" });
    } catch {
      format = new Intl.NumberFormat("zh-CN", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
    }
    currencies.set(code, format);
  }
  return currencies.get(code);
}

export function money(minor, currency) {
  const format = currencyFormat(currency);
  return format.format(minor / 10 ** format.resolvedOptions().maximumFractionDigits);
}

const clockFormat = new Intl.DateTimeFormat("zh-CN", {
  hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});
const hourFormat = new Intl.DateTimeFormat("zh-CN", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const dayZh = new Intl.DateTimeFormat("zh-CN", { month: "long", day: "numeric" });
const dayEn = new Intl.DateTimeFormat("en-GB", { month: "short", day: "numeric" });

export const clock = (ms) => clockFormat.format(ms);
export const hour = (ms) => hourFormat.format(ms);
export const day = (ms) => ({ zh: dayZh.format(ms), en: dayEn.format(ms) });

/** What is left until a moment, as 1:02:03 or 02:03. Never negative. */
export function countdown(leftMs) {
  const seconds = Math.max(0, Math.ceil(leftMs / 1000));
  const two = (number) => String(number).padStart(2, "0");
  const clockPart = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return seconds >= 3600 ? `${Math.floor(seconds / 3600)}:${clockPart}` : clockPart;
}

/** What an offer's name says after its pool's, which stands beside it already: "客家果脯 500g/袋" in 果脯 is "500g/袋". */
export function shortName(offer, pool) {
  const place = pool.name ? offer.name.indexOf(pool.name) : -1;
  return (place < 0 ? offer.name : offer.name.slice(place + pool.name.length).trim()) || offer.name;
}
