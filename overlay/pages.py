"""The pages as they are served: read once from the package, named by what they contain, fenced by strict headers.

Scripts and styles live under `/assets/<digest>/`, where the digest covers all of them: a new release has new addresses,
so browsers may keep files for ever and never mix two releases.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

import msgspec

WIDGETS: Final = ("all", "sellthrough", "ticker", "totals", "soldout")
CONTENT_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
ASSETS_MARK: Final = b"{{assets}}"

_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",  # The address of an overlay holds its token.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
ASSET_HEADERS: Final = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_POLICY: Final = (
    "default-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors {}"
)


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """An HTML document and the headers that it must have."""

    content: bytes
    headers: Mapping[str, str]
    status: int = 200


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """A file that pages load."""

    content: bytes
    content_type: str


class Pages(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is served as a file."""

    console: Page
    overlay: Page
    unknown_widget: Page
    assets: Mapping[str, Asset]
    digest: str
    widgets: frozenset[str] = frozenset(WIDGETS)


def load_pages() -> Pages:
    """Read all pages and assets from the package."""
    root = files("overlay") / "web"
    assets = dict(_assets(root / "assets", ""))
    digest = hashlib.sha256(repr(sorted((path, asset.content) for path, asset in assets.items())).encode()).hexdigest()

    def page(name: str, ancestors: str, status: int = 200) -> Page:
        content = (root / name).read_bytes().replace(ASSETS_MARK, f"/assets/{digest[:16]}".encode())
        headers = {**_HEADERS, "Cache-Control": "no-store", "Content-Security-Policy": _POLICY.format(ancestors)}
        return Page(content=content, headers=headers, status=status)

    return Pages(
        console=page("console.html", "'none'"),
        overlay=page("overlay.html", "'self'"),
        unknown_widget=page("unknown-widget.html", "'none'", 404),
        assets=assets,
        digest=digest[:16],
    )


def _assets(folder: Traversable, prefix: str) -> Iterator[tuple[str, Asset]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _assets(entry, f"{prefix}{entry.name}/")
            continue
        _, dot, extension = entry.name.rpartition(".")
        if content_type := CONTENT_TYPES.get(dot + extension):
            yield prefix + entry.name, Asset(content=entry.read_bytes(), content_type=content_type)
