"""Errors as problem documents (RFC 9457): a stable `type`, and words in Chinese and English that say what to do.

The `type` is a path of this service (`/problems/<kind>`), where `GET` describes it. Texts never hold internals,
secrets or personal data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

PROBLEM_TYPE: Final = "application/problem+json"
RETRY_AFTER_S: Final = 2


class ProblemKind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of problem: its HTTP status, its title, and what it means and asks for, in both languages."""

    slug: str
    status: int
    title_zh: str
    title_en: str
    meaning_zh: str
    meaning_en: str
    retry_after_s: int = 0


class ProblemDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of an error answer. `type` is stable; `outcome` and `id` are there where the engine decided."""

    type: str
    title: str
    status: int
    detail: str
    outcome: str | None = None
    id: str | None = None
    errors: tuple[str, ...] = ()


class Problem(Exception):  # noqa: N818 - it is a problem document on its way, not necessarily an error
    """Ends a request with a problem document. `detail_*` replace the kind's general words with particular ones."""

    def __init__(
        self,
        slug: str,
        detail_zh: str = "",
        detail_en: str = "",
        *,
        outcome: str | None = None,
        id: str | None = None,
        errors: tuple[str, ...] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.kind = KINDS[slug]
        self.detail = _joined(detail_zh or self.kind.meaning_zh, detail_en or self.kind.meaning_en)
        self.outcome = outcome
        self.id = id
        self.errors = errors
        self.extra_headers = dict(headers or {})
        super().__init__(self.detail)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.kind.status

    def headers(self) -> dict[str, str]:
        """Return the answer's headers beside its type: `Retry-After` and `WWW-Authenticate` where they apply."""
        headers = dict(self.extra_headers)
        if self.kind.retry_after_s:
            headers["retry-after"] = str(self.kind.retry_after_s)
        if self.status == 401:
            headers["www-authenticate"] = 'Bearer realm="sellthrough"'
        return headers

    def document(self) -> ProblemDocument:
        """Return the problem document."""
        return ProblemDocument(
            type=f"/problems/{self.kind.slug}",
            title=_joined(self.kind.title_zh, self.kind.title_en, " · "),
            status=self.status,
            detail=self.detail,
            outcome=self.outcome,
            id=self.id,
            errors=self.errors,
        )

    def body(self) -> bytes:
        """Return the problem document as JSON bytes."""
        return _encode(self.document())


_encode = msgspec.json.Encoder().encode


def _joined(chinese: str, english: str, between: str = " ") -> str:
    return f"{chinese}{between}{english}"


def _kind(
    slug: str, status: int, title: tuple[str, str], meaning: tuple[str, str], retry_after_s: int = 0
) -> ProblemKind:
    return ProblemKind(
        slug=slug,
        status=status,
        title_zh=title[0],
        title_en=title[1],
        meaning_zh=meaning[0],
        meaning_en=meaning[1],
        retry_after_s=retry_after_s,
    )


_ALL_KINDS = (
    _kind(
        "malformed",
        422,
        ("请求格式不对", "Malformed request"),
        (
            "请求内容与接口约定不符，未做任何更改；请对照 /docs 修正。",
            "The request does not fit the contract; nothing was changed. See /docs.",
        ),
    ),
    _kind(
        "bad-catalogue",
        422,
        ("商品表有误", "Catalogue not accepted"),
        (
            "商品表有错误，未做任何更改；请按 errors 逐条修改后重新上传。",
            "The catalogue has mistakes; nothing was changed. Correct what `errors` lists and upload it again.",
        ),
    ),
    _kind(
        "unauthenticated",
        401,
        ("需要令牌", "Token needed"),
        (
            "没有有效的令牌；请在 Authorization 头中带上 Bearer 令牌。",
            "No valid token came along; send one as `Authorization: Bearer …`.",
        ),
    ),
    _kind(
        "forbidden",
        403,
        ("令牌权限不足", "Not allowed"),
        (
            "该令牌的角色或绑定的专场不允许此操作；请向管理员申请合适的令牌。",
            "The token's role, or the sale it is bound to, does not allow this; ask an admin for another token.",
        ),
    ),
    _kind(
        "not-found",
        404,
        ("没有这个地址", "No such address"),
        ("此地址不存在；接口列表见 /docs。", "Nothing lives at this address; /docs lists what does."),
    ),
    _kind(
        "unknown-sale",
        404,
        ("没有这个专场", "Unknown sale"),
        (
            "没有这个编号的专场；请核对编号，或先创建专场。",
            "There is no sale of this id; check the id, or create the sale first.",
        ),
    ),
    _kind(
        "unknown-claim",
        404,
        ("没有这笔下单", "Unknown claim"),
        (
            "该专场没有这笔下单；被拒绝的下单不会留存。",
            "The sale knows no such claim; refused claims are not kept.",
        ),
    ),
    _kind(
        "unknown-thing",
        404,
        ("没有找到", "Not found"),
        ("没有这个编号的对象；请核对编号。", "There is nothing of this id; check the id."),
    ),
    _kind(
        "method-not-allowed",
        405,
        ("不支持此方法", "Method not allowed"),
        ("此地址不支持这种请求方法；见 /docs。", "This address does not answer to that method; see /docs."),
    ),
    _kind(
        "refused",
        409,
        ("现在不能这样做", "Not possible now"),
        (
            "按当前状态不能执行；未做任何更改。",
            "The present state does not allow this; nothing was changed.",
        ),
    ),
    _kind(
        "too-large",
        413,
        ("内容过大", "Too large"),
        ("请求内容超过上限，未做任何更改；请分批发送。", "The body is over the limit; nothing was changed. Send less."),
    ),
    _kind(
        "slow-request",
        408,
        ("请求发送过慢", "Request too slow"),
        ("请求内容未在时限内到齐；请重新发送。", "The body did not arrive in time; send it again."),
    ),
    _kind(
        "too-many-requests",
        429,
        ("请求过于频繁", "Too many requests"),
        ("请按 Retry-After 稍后再试。", "Try again after the time in Retry-After."),
        retry_after_s=RETRY_AFTER_S,
    ),
    _kind(
        "internal",
        500,
        ("服务内部错误", "Internal error"),
        (
            "服务出现意外错误，已记入日志；可用同一编号重试。",
            "Something unexpected went wrong and was logged; it is safe to try again with the same id.",
        ),
    ),
    _kind(
        "not-built",
        501,
        ("尚未实现", "Not built yet"),
        ("此接口已在约定中，但尚未实现。", "This is part of the contract, but not built yet."),
    ),
    _kind(
        "overloaded",
        503,
        ("系统繁忙", "Overloaded"),
        (
            "请求过多，本次未做任何更改；请按 Retry-After 用同一编号重试。",
            "Too much at once; nothing was changed. Try again with the same id after Retry-After.",
        ),
        retry_after_s=RETRY_AFTER_S,
    ),
    _kind(
        "store-unavailable",
        503,
        ("存储不可用", "Store unavailable"),
        (
            "存储暂时不可写（磁盘已满或连接中断），结果未知；请按 Retry-After 用同一编号重试。",
            "The store cannot be written now (disk full, or connection lost) and the outcome is unknown; "
            "try again with the same id after Retry-After.",
        ),
        retry_after_s=RETRY_AFTER_S,
    ),
    _kind(
        "ledger-unavailable",
        503,
        ("账本不可用", "Ledger unavailable"),
        (
            "账本数据库暂时不可写，未确认收到；请按 Retry-After 用同一编号重试。",
            "The ledger's database cannot be written now, so nothing is acknowledged; "
            "try again with the same id after Retry-After.",
        ),
        retry_after_s=RETRY_AFTER_S,
    ),
    _kind(
        "stopping",
        503,
        ("服务正在停止", "Stopping"),
        (
            "服务正在停止，不再接收新请求；请稍后用同一编号重试。",
            "The service is stopping and takes nothing new; try again with the same id.",
        ),
        retry_after_s=RETRY_AFTER_S,
    ),
    _kind(
        "order-desk",
        503,
        ("订单补全失败", "Order desk failed"),
        (
            "未能从订单接口补全平台订单，未确认收到；平台会重新推送。",
            "A platform order could not be completed from the order desk; it is not acknowledged, "
            "so the platform sends it again.",
        ),
        retry_after_s=RETRY_AFTER_S,
    ),
)

KINDS: Final[Mapping[str, ProblemKind]] = {kind.slug: kind for kind in _ALL_KINDS}
"""All kinds of problems by their slug, the last part of the `type`."""

SLUG_OF_STATUS: Final[Mapping[int, str]] = {
    400: "malformed",
    401: "unauthenticated",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
    422: "malformed",
    429: "too-many-requests",
    501: "not-built",
    503: "overloaded",
}
"""Which kind stands for an error that the web framework raised by itself."""
