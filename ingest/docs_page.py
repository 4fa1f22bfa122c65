"""`/docs` and `/openapi.json`: the contract as a page and as a document. No scripts, nothing from other servers."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from html import escape
from typing import Any, Final

import msgspec
from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from ingest.answers import JSON_TYPE

POLICY: Final = "default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'none'; base-uri 'none'"
STYLE: Final = """
:root{color-scheme:light dark;font:16px/1.55 system-ui,"PingFang SC","Noto Sans CJK SC","Microsoft YaHei",sans-serif}
body{max-width:60rem;margin:2rem auto;padding:0 1rem}
h2{margin-top:2.5rem;border-bottom:1px solid #8886}
article{margin:1.25rem 0;padding:.75rem 1rem;border:1px solid #8884;border-radius:.5rem}
h3{margin:0;font:600 1rem ui-monospace,Menlo,Consolas,monospace;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%;font-size:.9rem}
td,th{padding:.15rem .6rem .15rem 0;text-align:left;vertical-align:top}
code{font-family:ui-monospace,Menlo,Consolas,monospace;overflow-wrap:anywhere}
pre{white-space:pre-wrap}
"""


def docs_routes(document: Mapping[str, Any]) -> APIRouter:
    """Return the routes that show an OpenAPI document."""
    router = APIRouter(include_in_schema=False)
    as_json = msgspec.json.encode(document)
    page = render(document)
    headers = {"content-security-policy": POLICY.format(digest=_digest(STYLE))}

    @router.get("/openapi.json")
    async def openapi() -> Response:
        """Fetch the OpenAPI document."""
        return Response(as_json, media_type=JSON_TYPE)

    @router.get("/docs")
    async def docs() -> Response:
        """Read the contract."""
        return HTMLResponse(page, headers=headers)

    return router


def render(document: Mapping[str, Any]) -> str:
    """Render an OpenAPI document as one HTML page."""
    return "".join(_page(document))


def _page(document: Mapping[str, Any]) -> Iterator[str]:
    info = document["info"]
    yield f'<!doctype html><html lang="zh"><meta charset="utf-8"><title>{escape(info["title"])} · 接口 API</title>'
    yield f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>{STYLE}</style>'
    yield f"<h1>{escape(info['title'])} {escape(info['version'])} · 接口 API</h1><pre>{escape(info['description'])}</pre>"
    yield '<p><a href="/openapi.json">openapi.json</a></p>'
    by_tag: dict[str, list[tuple[str, str, Mapping[str, Any]]]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            by_tag.setdefault((operation.get("tags") or ["other"])[0], []).append((method, path, operation))
    for tag, operations in by_tag.items():
        yield f"<h2>{escape(tag)}</h2>"
        for method, path, operation in operations:
            yield from _operation(method, path, operation)
    yield "<h2>schemas</h2>"
    for name, schema in sorted(document["components"]["schemas"].items()):
        yield from _schema(name, schema)


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"<article><h3>{escape(method.upper())} {escape(path)}</h3><p>{escape(operation.get('description', ''))}</p>"
    content = operation.get("requestBody", {}).get("content", {})
    if content:
        yield (
            "<p>" + "<br>".join(f"<code>{escape(kind)}</code> {_kind(item)}" for kind, item in content.items()) + "</p>"
        )
    yield "<table>"
    for status, response in sorted(operation.get("responses", {}).items(), key=lambda item: str(item[0])):
        kinds = ", ".join(_kind(item) for item in response.get("content", {}).values())
        yield f"<tr><th>{escape(str(status))}</th><td>{escape(response.get('description', ''))}</td><td>{kinds}</td></tr>"
    yield "</table></article>"


def _schema(name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    yield f'<article id="{escape(name)}"><h3>{escape(name)}</h3><p>{escape(schema.get("description", ""))}</p><table>'
    for field, value in schema.get("properties", {}).items():
        needed = "" if field in schema.get("required", ()) else "?"
        words = value.get("description", "")
        yield f"<tr><th><code>{escape(field)}{needed}</code></th><td>{_type(value)}</td><td>{escape(words)}</td></tr>"
    if "enum" in schema:
        yield f"<tr><td>{escape(', '.join(map(str, schema['enum'])))}</td></tr>"
    yield "</table></article>"


def _kind(item: Mapping[str, Any]) -> str:
    return _type(item["schema"]) if "schema" in item else ""


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#{escape(name)}">{escape(name)}</a>'
    if "anyOf" in schema:
        return " | ".join(_type(part) for part in schema["anyOf"])
    if schema.get("type") == "array":
        return f"[{_type(schema['items'])}]" if "items" in schema else "[…]"
    return escape(str(schema.get("type", schema.get("const", "any"))))


def _digest(style: str) -> str:
    return b64encode(sha256(style.encode()).digest()).decode()
