"""The OpenAPI document: FastAPI's own, with the schemas of the types that really go over the wire."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from flashsale.domain import ClaimView
from flashsale.tally import Tally
from ingest import wire
from ingest.answers import ClaimAnswer, OpAnswer
from ingest.corrections import Correction
from ingest.problems import ProblemDocument, ProblemKind
from ingest.routes.bridge import BridgeAck
from ingest.routes.catalogue import CatalogueAnswer
from ingest.routes.comments import CommentPage, ProblemPage
from ingest.routes.connections import ConnectionList, ConnectionView
from ingest.routes.draws import DrawAnswer, DrawProofAnswer
from ingest.routes.facts import FactsAnswer
from ingest.routes.health import Alive, Readiness
from ingest.routes.sales import FeaturedAnswer, SaleList
from ingest.routes.tokens import Revoked, TokenList, TokenMade
from ingest.sales import SaleView
from inventory.check import CheckReport
from inventory.ledger import OrdersPage

TITLE = "sellthrough"
DESCRIPTION = """直播卖货的接单服务：一份库存，全平台共用，不超卖，不丢单。

Order capture for livestream sales: one stock over all platforms, never sold twice, never lost.

Money is integer minor units (`_minor`), time Unix milliseconds (`_ms`), stock integer base units. Ids are made by the
sender: the same id with the same content is the same request, so every call may be repeated. Errors are problem documents
(RFC 9457)."""

BODIES: tuple[type, ...] = (
    wire.ClaimIn,
    wire.ConfirmIn,
    wire.CancelIn,
    wire.ExtendIn,
    wire.FactIn,
    wire.SaleIn,
    wire.SalePatch,
    wire.FeaturedIn,
    wire.BlockIn,
    wire.PoolIn,
    wire.OfferIn,
    wire.AdjustIn,
    wire.CorrectIn,
    wire.DrawIn,
    wire.SettleIn,
    wire.TokenIn,
    wire.ConnectionIn,
)
ANSWERS: tuple[type, ...] = (
    ProblemDocument,
    ProblemKind,
    ClaimAnswer,
    ClaimView,
    OpAnswer,
    FactsAnswer,
    Tally,
    SaleView,
    SaleList,
    FeaturedAnswer,
    CatalogueAnswer,
    CommentPage,
    ProblemPage,
    Correction,
    DrawAnswer,
    DrawProofAnswer,
    OrdersPage,
    CheckReport,
    TokenMade,
    TokenList,
    Revoked,
    ConnectionView,
    ConnectionList,
    Alive,
    Readiness,
    BridgeAck,
)


def openapi_of(app: FastAPI, version: str) -> dict[str, Any]:
    """Return the document of an app's routes."""
    document = get_openapi(title=TITLE, version=version, description=DESCRIPTION, routes=app.routes)
    _, schemas = msgspec.json.schema_components((*BODIES, *ANSWERS), ref_template="#/components/schemas/{name}")
    components = document.setdefault("components", {})
    components.setdefault("schemas", {}).update(schemas)
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "`st_<role>_…`"},
        "token": {"type": "apiKey", "in": "query", "name": "token", "description": "Overlay tokens only, for OBS."},
    }
    for path in document["paths"].values():
        for operation in path.values():
            if "401" in operation.get("responses", {}) and "403" in operation["responses"]:
                operation["security"] = [{"bearer": []}, {"token": []}]
    return document
