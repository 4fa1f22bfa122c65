"""Platform feeds: which adapter listens for which sale, with which secrets. Secrets are sealed at rest."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import httpx
import msgspec
import structlog

from ingest.domain import Connection, SettingValue
from ingest.ledger import ConnectionLedger
from ingest.order_desk import HttpOrderDesk, OrderDesk
from ingest.problems import Problem
from ingest.seal import Seal
from stream_adapters.contract import Adapter, AdapterInfo, SettingsError
from stream_adapters.registry import adapter_info, build

ORDER_DESK_URL: Final = "order_desk_url"
log = structlog.get_logger("connections")


@dataclass(frozen=True, slots=True)
class Feed:
    """A connection with its adapter built, and the order desk that completes its orders, if it has one."""

    connection: Connection
    info: AdapterInfo
    adapter: Adapter
    desk: OrderDesk | None


class Connections:
    """All feeds of the service. One instance a process; `changed` wakes whoever runs the outgoing ones."""

    def __init__(
        self, ledger: ConnectionLedger, seal: Seal, client: httpx.AsyncClient, order_desk_timeout_ms: int
    ) -> None:
        self._ledger = ledger
        self._seal = seal
        self._client = client
        self._order_desk_timeout_ms = order_desk_timeout_ms
        self._feeds: dict[str, Feed] = {}
        self.changed = asyncio.Event()

    async def load(self) -> None:
        """Read the connections from the ledger; to be called once before anything else. Raises SealError."""
        for connection_id, adapter, sale_id, sealed in await self._ledger.all():
            settings = msgspec.json.decode(self._seal.open(sealed), type=dict[str, SettingValue])
            connection = Connection(connection_id=connection_id, adapter=adapter, sale_id=sale_id, settings=settings)
            try:
                self._feeds[connection_id] = self._feed(connection)
            except SettingsError as error:
                # One feed that a newer version cannot read must not keep the others, and the sale, from starting.
                log.error(  # noqa: TRY400 - no values in logs
                    "connection unusable", connection_id=connection_id, adapter=adapter, problem=error.problem
                )

    async def put(self, connection: Connection) -> Feed:
        """Add a connection or replace it whole; in effect at once. Raises Problem naming each setting that is wrong."""
        try:
            feed = self._feed(connection)
        except SettingsError as error:
            raise Problem("malformed", error.zh, error.en) from error
        sealed = self._seal.close(msgspec.json.encode(connection.settings))
        await self._ledger.put(connection.connection_id, connection.adapter, connection.sale_id, sealed)
        self._feeds[connection.connection_id] = feed
        self.changed.set()
        return feed

    async def remove(self, connection_id: str) -> bool:
        """Remove a connection, at once. False if there is none."""
        known = self._feeds.pop(connection_id, None) is not None
        self.changed.set()
        return await self._ledger.remove(connection_id) or known

    def feed(self, connection_id: str) -> Feed | None:
        """Look a feed up."""
        return self._feeds.get(connection_id)

    def all(self) -> list[Feed]:
        """Return all feeds by id."""
        return [self._feeds[connection_id] for connection_id in sorted(self._feeds)]

    def _feed(self, connection: Connection) -> Feed:
        own = {name: value for name, value in connection.settings.items() if name != ORDER_DESK_URL}
        return Feed(
            connection, adapter_info(connection.adapter), build(connection.adapter, own), self._desk(connection)
        )

    def _desk(self, connection: Connection) -> OrderDesk | None:
        url = connection.settings.get(ORDER_DESK_URL, "")
        if not url:
            return None
        if not isinstance(url, str) or not _is_http(url):
            raise SettingsError(
                f"{ORDER_DESK_URL} 须是 http:// 或 https:// 开头的地址。",
                f"{ORDER_DESK_URL} has to be an http:// or https:// address.",
            )
        return HttpOrderDesk(self._client, url, self._order_desk_timeout_ms)


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
