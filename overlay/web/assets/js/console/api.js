// The service's HTTP contract, as far as the console uses it. Every failure comes out as words that a host can act on.

import { OUTCOMES } from "../words.js";

export class ApiProblem extends Error {
  /** `status` 0: no answer came, so nobody knows whether it was done. */
  constructor(status, zh, en) {
    super(en ? `${zh} ${en}` : zh);
    this.status = status;
    this.zh = zh;
    this.en = en;
  }
}

const STATUS_WORDS = {
  401: ["令牌无效或已撤销，请重新输入", "The token is not valid; enter it again"],
  403: ["这个令牌没有做这件事的权限，请向管理员要", "This token may not do that; ask the administrator"],
  404: ["没有找到，可能已经改名或删除", "Not found; it may have been renamed or removed"],
  429: ["太频繁了，请稍等再试", "Too many requests; wait a moment"],
  501: ["服务还没有这个功能", "The service does not have this yet"],
  503: ["服务暂时做不了，什么都没有改变，请稍后再试", "The service cannot do it now; nothing changed, try again soon"],
};

export class Api {
  #token;

  constructor(token) {
    this.#token = token;
  }

  get = (path) => this.#send("GET", path);
  post = (path, body = {}) => this.#send("POST", path, body);
  put = (path, body) => this.#send("PUT", path, body);

  /** Fetch a file that needs the token, and hand it to the browser to save. */
  async download(path, filename) {
    const answer = await this.#fetch("GET", path);
    if (!answer.ok) throw await problemOf(answer);
    const address = URL.createObjectURL(await answer.blob());
    const link = document.createElement("a");
    link.href = address;
    link.download = filename;
    link.click();
    // The browser has to have begun reading before the address goes.
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  }

  async #send(method, path, body) {
    const answer = await this.#fetch(method, path, body);
    if (!answer.ok) throw await problemOf(answer);
    return answer.status === 204 ? null : answer.json();
  }

  async #fetch(method, path, body) {
    const headers = { Authorization: `Bearer ${this.#token}` };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    try {
      return await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    } catch {
      throw new ApiProblem(
        0,
        "没有收到服务的回答，不知道做成了没有；请看战报再决定要不要重做。",
        "No answer came, so it may or may not be done; look at the tally before you repeat it.",
      );
    }
  }
}

async function problemOf(answer) {
  let body = {};
  try {
    body = await answer.json();
  } catch {
    // Not JSON: a proxy in between. The status still says something.
  }
  if (typeof body.outcome === "string") {
    const [zh, en] = OUTCOMES[body.outcome] ?? [body.outcome, body.outcome];
    const detail = body.detail ? ` (${body.detail})` : "";
    return new ApiProblem(answer.status, `没有做成：${zh}${detail}`, `Not done: ${en}`);
  }
  const words = typeof body.detail === "string" && body.detail ? body.detail : body.title;
  if (typeof words === "string" && words) return new ApiProblem(answer.status, words, "");
  const [zh, en] = STATUS_WORDS[answer.status] ?? [`服务回答 ${answer.status}`, `The service answered ${answer.status}`];
  return new ApiProblem(answer.status, zh, en);
}

export const salePath = (saleId, rest = "") => `/v1/sales/${encodeURIComponent(saleId)}${rest}`;
