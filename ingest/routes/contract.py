"""How a route states its contract: who may call it, what it takes, what it answers. Enforced and documented from one place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Final, TypeVar

import msgspec
from fastapi import Depends, Path, Request, Response

from ingest.answers import JSON_TYPE, DoorAnswer
from ingest.auth import Tokens, presented
from ingest.bodies import JSON_BYTES_MAX, decoded, read_body
from ingest.domain import Role, Token
from ingest.problems import PROBLEM_TYPE, RETRY_AFTER_S

T = TypeVar("T")

SaleIdPath = Annotated[str, Path(description="The sale (专场).")]
WATCHERS: Final = frozenset({Role.HOST, Role.INGEST, Role.OVERLAY})
HOSTS: Final = frozenset({Role.HOST})
ADMINS: Final[frozenset[Role]] = frozenset()

_PROBLEM_WORDS: Final[Mapping[int, str]] = {
    400: "Malformed frame, in the platform's words.",
    401: "No valid token, or no valid signature.",
    403: "The token's role or sale does not allow this.",
    404: "No such sale, or nothing of this id.",
    409: "The present state does not allow this; nothing was changed.",
    408: "The body did not arrive in time.",
    413: "The body is over the limit.",
    422: "Malformed; nothing was changed.",
    501: "Part of the contract, but not built yet.",
    503: "Overloaded, stopping, or a store is away; try again with the same ids after Retry-After.",
}


def allowed(tokens: Tokens, roles: frozenset[Role]) -> Callable[[Request], Awaitable[Token]]:
    """Make the dependency that lets in tokens of these roles (and admins) that are good for the path's sale.

    Belongs into a route's `dependencies`, even where it is a parameter too: those come first, so that nobody's body is read
    before their token.
    """

    async def check(request: Request) -> Token:
        secret, in_url = presented(request.headers, request.url.query)
        return tokens.allow(secret, request.path_params.get("sale_id"), roles, in_url=in_url)

    return check


def body_of(wanted: type[T], bytes_max: int = JSON_BYTES_MAX) -> Any:
    """Make the parameter that is the request's JSON body, decoded. An empty body is an empty object."""
    decoder = msgspec.json.Decoder(wanted)

    async def read(request: Request) -> T:
        return decoded(decoder, await read_body(request.receive, bytes_max) or b"{}")

    return Depends(read)


def takes(wanted: type, *, required: bool = True) -> dict[str, Any]:
    """Document the JSON body that a route takes."""
    return {"requestBody": {"required": required, "content": {JSON_TYPE: {"schema": schema_of(wanted)}}}}


def answers(
    good: Mapping[int, type | None], *problems: int, refusal: type | None = None, open_door: bool = False
) -> dict[int | str, dict[str, Any]]:
    """Document what a route answers: `good` statuses with their bodies, and problems by status.

    Every door may answer 401, 403, 422 and 503; `open_door` ones need no token. `refusal` is the body of a 409 that is an
    outcome and not a problem.
    """
    documented: dict[int | str, dict[str, Any]] = {}
    for status, wanted in good.items():
        documented[status] = {"description": "OK" if status < 300 else "Refused"}
        if wanted is not None:
            documented[status]["content"] = {JSON_TYPE: {"schema": schema_of(wanted)}}
    if refusal is not None:
        documented[409] = {
            "description": "Refused by the sale's state: see `outcome`. Nothing was changed.",
            "content": {
                JSON_TYPE: {"schema": schema_of(refusal)},
                PROBLEM_TYPE: {"schema": _ref("ProblemDocument")},
            },
        }
    always = () if open_door else (401, 403, 422, 503)
    for status in (*always, *problems):
        documented.setdefault(
            status,
            {"description": _PROBLEM_WORDS[status], "content": {PROBLEM_TYPE: {"schema": _ref("ProblemDocument")}}},
        )
        if status == 503:
            documented[503]["headers"] = {
                "Retry-After": {"schema": {"type": "integer"}, "description": f"Seconds, usually {RETRY_AFTER_S}."}
            }
    return documented


def schema_of(wanted: type) -> dict[str, Any]:
    """Return the reference to a type's schema; `ingest.openapi` puts the schema itself into the document."""
    return _ref(wanted.__name__)


def to_response(answer: DoorAnswer) -> Response:
    """Turn a door's answer into FastAPI's."""
    return Response(answer.body, answer.status, dict(answer.headers), answer.content_type)


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}
