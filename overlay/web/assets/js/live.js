// A sale kept up to date over one WebSocket that is opened again for ever.
//
// The state is only ever a snapshot plus the patches that follow it without a gap. After a broken line the server is asked
// for what came since; where it cannot tell, it sends a snapshot. What is shown while the line is down is the last true
// state, and `staleSinceMs` says since when it has not been confirmed.

const STALE_AFTER_MS = 12_000;
const GIVE_UP_AFTER_MS = 20_000; // An open socket that says nothing for this long is dead, whatever the browser thinks.
const BACKOFF_FIRST_MS = 400;
const BACKOFF_MAX_MS = 15_000;
const RECENT_LEN_MAX = 30;

const NOT_ADMITTED = 4401;
const UNKNOWN_SALE = 4404;

/** RFC 7396. Unpatched parts are shared with the old document, so `===` says what did not change. */
export function mergePatch(target, patch) {
  const result = { ...target };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else if (typeof value === "object" && !Array.isArray(value)) {
      const before = result[name];
      result[name] = mergePatch(before && typeof before === "object" && !Array.isArray(before) ? before : {}, value);
    } else result[name] = value;
  }
  return result;
}

export class LiveSale {
  tally = null;
  recent = []; // Newest last.
  outlook = {};
  /** connecting, live, waiting (no such sale yet), refused (the token), lost */
  line = "connecting";
  lastFrameAtMs = null; // By this machine's clock, for waiting; never for showing.

  #saleId;
  #token;
  #onChange;
  #socket = null;
  #attempts = 0;
  #retryTimer = null;
  #watchdog = null;
  #clockAheadMs = null;
  #isFirstFrame = true;
  #rev = "";

  constructor({ saleId, token, onChange }) {
    this.#saleId = saleId;
    this.#token = token;
    this.#onChange = onChange;
  }

  start() {
    this.#watchdog = setInterval(() => this.#watch(), 1000);
    globalThis.addEventListener("online", this.#retryNow);
    document.addEventListener("visibilitychange", this.#retryNow);
    this.#connect();
  }

  stop() {
    clearInterval(this.#watchdog);
    clearTimeout(this.#retryTimer);
    globalThis.removeEventListener("online", this.#retryNow);
    document.removeEventListener("visibilitychange", this.#retryNow);
    this.#drop();
  }

  /** Now, by the store's clock. */
  get nowMs() {
    return Date.now() + (this.#clockAheadMs ?? 0);
  }

  /** The store's time of the last frame, if nothing has confirmed the numbers for a while; else null. */
  get staleSinceMs() {
    if (this.lastFrameAtMs === null) return null;
    const isStale = this.line !== "live" || Date.now() - this.lastFrameAtMs > STALE_AFTER_MS;
    return isStale ? this.lastFrameAtMs + (this.#clockAheadMs ?? 0) : null;
  }

  #connect() {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = null;
    this.#drop();
    const address = new URL(`/v1/sales/${encodeURIComponent(this.#saleId)}/live`, location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    if (this.tally && this.#rev) address.searchParams.set("since", this.#rev);
    const protocols = ["sellthrough.live.v1"];
    if (this.#token) protocols.push(`bearer.${this.#token}`);
    let socket;
    try {
      socket = new WebSocket(address, protocols);
    } catch {
      // A token with a character that no token has (a link pasted badly).
      this.#setLine("refused");
      this.#retryLater(BACKOFF_MAX_MS);
      return;
    }
    this.#socket = socket;
    this.#isFirstFrame = true; // Perhaps another server, with another clock.
    this.openedAtMs = Date.now();
    socket.addEventListener("message", (message) => this.#take(socket, message.data));
    socket.addEventListener("close", (event) => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.#lose(event.code);
    });
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #lose(code) {
    if (code === NOT_ADMITTED) {
      this.#setLine("refused");
      this.#retryLater(BACKOFF_MAX_MS);
    } else if (code === UNKNOWN_SALE) {
      this.#setLine("waiting");
      this.#retryLater(3_000);
    } else {
      this.#setLine(this.tally ? "lost" : "connecting");
      this.#retryLater(Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** this.#attempts));
      this.#attempts += 1;
    }
  }

  /** Somewhere in the upper half of the time: a thousand overlays must not come back in the same instant. */
  #retryLater(aboutMs) {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => this.#connect(), aboutMs * (0.5 + Math.random() / 2));
  }

  #retryNow = () => {
    if (this.#retryTimer !== null && document.visibilityState === "visible") this.#connect();
  };

  #watch() {
    const quietMs = Date.now() - Math.max(this.lastFrameAtMs ?? 0, this.openedAtMs ?? 0);
    if (this.#socket && quietMs > GIVE_UP_AFTER_MS) {
      this.#drop();
      this.#lose(0);
    }
    this.#onChange();
  }

  #take(socket, text) {
    if (this.#socket !== socket) return;
    const frame = JSON.parse(text);
    if (frame.type === "snapshot") {
      this.tally = frame.tally;
      this.#rev = frame.rev;
      this.recent = frame.recent;
    } else if (frame.type === "delta") {
      if (!this.tally || frame.since !== this.#rev) {
        // A gap. Guessing would show numbers that were never true; ask for the whole instead.
        this.#rev = "";
        this.#connect();
        return;
      }
      this.tally = mergePatch(this.tally, frame.patch);
      this.#rev = frame.rev;
      const known = new Set(this.recent.map((order) => order.key));
      this.recent = [...this.recent, ...frame.recent.filter((order) => !known.has(order.key))].slice(-RECENT_LEN_MAX);
    } else if (frame.type !== "heartbeat") return; // From a newer server; what is known still holds.
    this.outlook = frame.outlook ?? {};
    this.lastFrameAtMs = Date.now();
    // Frames travel forwards only: the largest difference seen is the closest to the truth.
    const storeMs = frame.at_ms ?? this.tally.at_ms;
    this.#clockAheadMs = Math.max(this.#isFirstFrame ? -Infinity : this.#clockAheadMs, storeMs - this.lastFrameAtMs);
    this.#isFirstFrame = false;
    this.#attempts = 0;
    this.#setLine("live");
  }

  #setLine(line) {
    this.line = line;
    this.#onChange();
  }
}
