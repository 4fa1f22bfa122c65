"""Which adapters there are, and how one is built from an operator's settings.

`BUILT_IN` is the import table; other packages add theirs through the entry point group `sellthrough.adapters`, each
naming an `AdapterInfo`. An adapter is imported when it is first asked for, so a broken one of another package harms
nobody who does not use it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import msgspec

from stream_adapters.contract import Adapter, AdapterInfo, AdapterSettings, SettingsError

ENTRY_POINT_GROUP = "sellthrough.adapters"
BUILT_IN: Mapping[str, str] = {
    "douyin_live": "stream_adapters.douyin_live:INFO",
    "doudian": "stream_adapters.doudian:INFO",
    "kuaishou_live": "stream_adapters.kuaishou_live:INFO",
    "kwaishop": "stream_adapters.kwaishop:INFO",
    "tmc": "stream_adapters.tmc:INFO",
    "bridge": "stream_adapters.bridge:INFO",
}


class AdapterTable(Mapping[str, AdapterInfo]):
    """All adapters by name, built-in ones first. A foreign one cannot take a built-in name."""

    @cached_property
    def _foreign(self) -> Mapping[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP) if point.name not in BUILT_IN}

    def __getitem__(self, name: str) -> AdapterInfo:
        """Import and give one adapter. Raises KeyError for an unknown name, SettingsError for one that is broken."""
        if name in BUILT_IN:
            module_name, _, attribute = BUILT_IN[name].partition(":")
            info = getattr(import_module(module_name), attribute)
            assert isinstance(info, AdapterInfo)
            return info
        return _load(self._foreign[name])

    def __iter__(self) -> Iterator[str]:
        yield from BUILT_IN
        yield from self._foreign

    def __len__(self) -> int:
        return len(BUILT_IN) + len(self._foreign)

    def __contains__(self, name: object) -> bool:
        # Mapping's own would import the adapter only to answer.
        return name in BUILT_IN or name in self._foreign


ADAPTERS: Mapping[str, AdapterInfo] = AdapterTable()


def build(name: str, settings: Mapping[str, Any]) -> Adapter:
    """Build an adapter from an operator's settings, checking every one of them.

    Raises:
        SettingsError: no adapter of that name, or settings missing, unknown or of no use; the text names them.
    """
    info = adapter_info(name)
    return info.build(read_settings(info, settings))


def adapter_info(name: str) -> AdapterInfo:
    """Look an adapter up. Raises SettingsError naming the ones there are."""
    if name not in ADAPTERS:
        known = ", ".join(ADAPTERS)
        raise SettingsError(
            f"没有名为 {name[:64]!r} 的适配器；可用：{known}。", f"No adapter {name[:64]!r}; there are: {known}."
        )
    return ADAPTERS[name]


def read_settings(info: AdapterInfo, settings: Mapping[str, Any]) -> AdapterSettings:
    """Turn settings into the adapter's own type. Raises SettingsError naming what is wrong, never a value."""
    fields = msgspec.structs.fields(info.settings)
    names = [field.encode_name for field in fields]
    missing = [field.encode_name for field in fields if field.required and not settings.get(field.encode_name)]
    if missing:
        raise _missing_settings(info, missing)
    unknown = sorted(set(settings) - set(names))
    if unknown:
        listed, allowed = ", ".join(unknown), ", ".join(names) or "-"
        raise SettingsError(
            f"{info.name} 不认识设置：{listed}；可用：{allowed}。", f"{info.name} knows no {listed}; it has: {allowed}."
        )
    spaced = sorted(name for name, value in settings.items() if isinstance(value, str) and value != value.strip())
    if spaced:
        listed = ", ".join(spaced)
        raise SettingsError(
            f"{info.name} 的设置首尾有空格，多半是复制时带入：{listed}。",
            f"{info.name} has blanks around these settings, most likely from pasting: {listed}.",
        )
    try:
        return msgspec.convert(dict(settings), info.settings)
    except msgspec.ValidationError as error:
        raise SettingsError(
            f"{info.name} 的设置不对：{error}。", f"A setting of {info.name} is wrong: {error}."
        ) from error


def _missing_settings(info: AdapterInfo, missing: list[str]) -> SettingsError:
    listed = ", ".join(missing)
    helped = [(name, info.help[name]) for name in missing if name in info.help]
    return SettingsError(
        f"{info.name} 缺少设置：{listed}。" + "".join(f"{name}：{text.zh}" for name, text in helped),
        f"{info.name} lacks settings: {listed}." + "".join(f" {name}: {text.en}" for name, text in helped),
    )


def _load(point: EntryPoint) -> AdapterInfo:
    try:
        info = point.load()
    except Exception as error:  # another package's import may fail in any way, and must say so as a settings problem
        raise SettingsError(
            f"适配器 {point.name} 无法导入（{point.value}）：{error}。请检查提供它的软件包。",
            f"Adapter {point.name} cannot be imported ({point.value}): {error}. Check the package that brings it.",
        ) from error
    if not isinstance(info, AdapterInfo):
        raise SettingsError(
            f"入口 {point.value} 不是 AdapterInfo。请检查提供它的软件包。",
            f"The entry point {point.value} is no AdapterInfo. Check the package that brings it.",
        )
    return info
