"""The service's parts, wired by `ingest.app` and handed to the routes."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from flashsale.embedded import EmbeddedStore
from flashsale.service import Engine
from ingest.auth import Tokens
from ingest.claims_door import ClaimsDoor
from ingest.connections import Connections
from ingest.corrections import Corrections
from ingest.intake import Intake
from ingest.keepers import Keepers
from ingest.ledger import ServiceLedger
from ingest.metrics import Metrics
from ingest.pipeline import Pipeline
from ingest.recorder import Recorder
from ingest.sale_context import SaleContexts
from ingest.sales import Sales
from ingest.seal import Seal
from ingest.settings import Settings
from ingest.trouble import Troubles
from inventory.ledger import Ledger
from overlay.hub import Hub


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """All parts of one running service. Whoever opened it (`ingest.app.open_service`) closes it."""

    settings: Settings
    admin_secret: str
    embedded: EmbeddedStore | None
    engine: Engine
    ledger: Ledger
    own_ledger: ServiceLedger
    seal: Seal
    tokens: Tokens
    connections: Connections
    contexts: SaleContexts
    sales: Sales
    corrections: Corrections
    recorder: Recorder
    pipeline: Pipeline
    claims_door: ClaimsDoor
    hub: Hub
    keepers: Keepers
    intake: Intake
    troubles: Troubles
    metrics: Metrics
    http: httpx.AsyncClient

    async def stop_intake(self) -> None:
        """Take nothing new and let the viewers go; what is under way may finish. Safe to call twice."""
        self.intake.stop()
        await self.hub.close()
