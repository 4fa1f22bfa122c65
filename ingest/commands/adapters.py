"""`sellthrough adapters`: which platforms can be connected, and what each needs."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from stream_adapters.contract import AdapterInfo
from stream_adapters.registry import ADAPTERS


class SettingLine(msgspec.Struct, frozen=True, kw_only=True):
    """One setting of an adapter."""

    name: str
    required: bool
    secret: bool
    zh: str
    en: str


class AdapterLine(msgspec.Struct, frozen=True, kw_only=True):
    """One adapter as a program would read it."""

    name: str
    platform: str
    transport: str
    trust: str
    title_zh: str
    title_en: str
    capabilities: tuple[str, ...]
    settings: tuple[SettingLine, ...]


def adapters(*, as_json: bool, say: Callable[[str], None]) -> None:
    """List all adapters."""
    lines = [_line(info) for info in ADAPTERS.values()]
    if as_json:
        say(msgspec.json.encode(lines).decode())
        return
    for line in lines:
        say(f"{line.name}  {line.title_zh} · {line.title_en}  [{line.platform}, {line.transport}, {line.trust}]")
        for setting in line.settings:
            say(f"    {setting.name}{'' if setting.required else '?'}  {setting.zh} {setting.en}")


def _line(info: AdapterInfo) -> AdapterLine:
    settings: list[SettingLine] = []
    for field in msgspec.structs.fields(info.settings):
        help_text = info.help.get(field.encode_name)
        settings.append(
            SettingLine(
                name=field.encode_name,
                required=field.required,
                secret=help_text.secret if help_text else False,
                zh=help_text.zh if help_text else "",
                en=help_text.en if help_text else "",
            )
        )
    return AdapterLine(
        name=info.name,
        platform=info.platform,
        transport=info.transport,
        trust=info.trust,
        title_zh=info.title_zh,
        title_en=info.title_en,
        capabilities=tuple(sorted(kind.value for kind in info.capabilities)),
        settings=tuple(settings),
    )
