"""The service's doors as the load test uses them around a run: setting the sale up, and reading the books.

Importing this does not patch the process; its sockets are gevent's own, so it wants a process that is gevent's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import gevent
import msgspec
from geventhttpclient import HTTPClient
from geventhttpclient.url import URL

from loadtest.domain import BookedClaim, BookedOrder, Books, SalePlan, Tally

TIMEOUT_S: Final = 30.0
READERS_LEN: Final = 16
ORDERS_PAGE_ROWS: Final = 2_000
STILL_TRIES: Final = 5

_claim = msgspec.json.Decoder(BookedClaim)
_tally = msgspec.json.Decoder(Tally)


class _OrdersPage(msgspec.Struct, frozen=True):
    orders: tuple[BookedOrder, ...]
    next: int | None = None


_page = msgspec.json.Decoder(_OrdersPage)


class DoorError(Exception):
    """The service did not do what the set-up or the reading of the books needs. `status` is 0 where it did not answer."""

    def __init__(self, asked: str, status: int, body: bytes) -> None:
        """Keep what was asked and what came back."""
        self.asked = asked
        self.status = status
        self.body = body
        super().__init__(f"{asked}: HTTP {status}: {body[:500].decode(errors='replace')}")


class Doors:
    """A service's HTTP doors with one bearer token. A context manager; `close` is idempotent."""

    def __init__(self, url: str, token: str) -> None:
        """`url` is the service's address without a path; `token` needs the role admin."""
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        self._client = HTTPClient.from_url(
            URL(url),
            concurrency=READERS_LEN,
            connection_timeout=TIMEOUT_S,
            network_timeout=TIMEOUT_S,
            headers=headers,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def call(self, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        """Send one request; returns status and body. Raises DoorError if no answer comes."""
        content = b"" if body is None else msgspec.json.encode(body)
        try:
            response = self._client.request(method, path, body=content)
            return int(response.status_code), bytes(response.read())
        except (OSError, ValueError) as error:
            raise DoorError(f"{method} {path}", 0, str(error).encode()) from error

    def must(self, method: str, path: str, body: object = None) -> bytes:
        """Send one request and return the answer's body. Raises DoorError unless it is a 2xx."""
        status, answer = self.call(method, path, body)
        if not 200 <= status < 300:
            raise DoorError(f"{method} {path}", status, answer)
        return answer


def set_up_sale(doors: Doors, plan: SalePlan, name: str) -> None:
    """Create the planned sale and open it. Raises DoorError."""
    sale = f"/v1/sales/{plan.sale_id}"
    settings = {"mode": "capture", "hold_ttl_ms": plan.hold_ttl_ms}
    doors.must("POST", "/v1/sales", {"sale_id": plan.sale_id, "name": name, "currency": "CNY", "settings": settings})
    for pool in plan.pools:
        body: dict[str, Any] = msgspec.structs.asdict(pool)
        doors.must("PUT", f"{sale}/pools/{body.pop('pool_id')}", body)
    for offer in plan.offers:
        body = msgspec.structs.asdict(offer)
        doors.must("PUT", f"{sale}/offers/{body.pop('sku')}", body)
    doors.must("POST", f"{sale}/open")


def make_token(doors: Doors, role: str, sale_id: str) -> tuple[str, str]:
    """Make a token for the sale; returns its id and its secret. Raises DoorError."""
    made = msgspec.json.decode(
        doors.must("POST", "/v1/tokens", {"role": role, "sale_id": sale_id, "label": "loadtest"})
    )
    return str(made["token_id"]), str(made["token"])


def clear_away(doors: Doors, plan: SalePlan, token_ids: Sequence[str]) -> None:
    """Close the sale and revoke its tokens, so that a rehearsal leaves nothing open behind. Raises DoorError."""
    doors.must("POST", f"/v1/sales/{plan.sale_id}/close")
    for token_id in token_ids:
        doors.must("DELETE", f"/v1/tokens/{token_id}")


# --------------------------------------------------------------------------------------------------------- the books


def read_tally(doors: Doors, sale_id: str) -> Tally:
    """Read the counters. Raises DoorError."""
    return _tally.decode(doors.must("GET", f"/v1/sales/{sale_id}/tally"))


def read_books(doors: Doors, sale_id: str, claim_ids: Sequence[str]) -> Books:
    """Read tally, orders and every claim at one standstill of the sale.

    Reads again, a few times, if something changed in between. Raises DoorError, also if the sale never stands still.
    """
    tally = read_tally(doors, sale_id)
    for _ in range(STILL_TRIES):
        orders = tuple(_orders(doors, sale_id))
        claims = _claims(doors, sale_id, claim_ids)
        again = read_tally(doors, sale_id)
        if again.rev == tally.rev:
            return Books(tally=again, orders=orders, claims=claims)
        tally = again
    raise DoorError(
        f"GET /v1/sales/{sale_id}", 200, b"the sale goes on changing after the run: is somebody else using it?"
    )


def _orders(doors: Doors, sale_id: str) -> Iterator[BookedOrder]:
    after: int | None = 0
    while after is not None:
        page = _page.decode(doors.must("GET", f"/v1/sales/{sale_id}/orders?after={after}&rows_max={ORDERS_PAGE_ROWS}"))
        yield from page.orders
        after = page.next


def _claims(doors: Doors, sale_id: str, claim_ids: Sequence[str]) -> dict[str, BookedClaim | None]:
    found: dict[str, BookedClaim | None] = {}
    waiting = iter(claim_ids)

    def read() -> None:
        for claim_id in waiting:
            path = f"/v1/sales/{sale_id}/claims/{quote(claim_id, safe='')}"
            status, body = doors.call("GET", path)
            if status not in (200, 404):
                raise DoorError(f"GET {path}", status, body)
            found[claim_id] = _claim.decode(body) if status == 200 else None

    readers = [gevent.spawn(read) for _ in range(READERS_LEN)]
    try:
        gevent.joinall(readers, raise_error=True)
    finally:
        gevent.killall(readers)
    return found


def settle(doors: Doors, plan: SalePlan, wait_s: float) -> None:
    """Wait until the holds that nobody ended have run out, or `wait_s` have passed. Raises DoorError.

    A verdict needs no such wait, but sees more with it: that expired stock is back. Long-lived holds are not waited for.
    """
    if not 0 < plan.hold_ttl_ms <= wait_s * 1_000:
        return
    with gevent.Timeout(wait_s, False):
        while read_tally(doors, plan.sale_id).totals.holds > 0:
            gevent.sleep(0.2)
