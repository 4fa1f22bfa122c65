"""Adapters are found by name and built only from settings that can work."""

from importlib.metadata import EntryPoint
from typing import Any

import pytest

from stream_adapters import registry
from stream_adapters.contract import AdapterInfo, SettingsError
from stream_adapters.domain import EventKind
from stream_adapters.registry import ADAPTERS, BUILT_IN, AdapterTable, build, read_settings

WORKING: dict[str, dict[str, Any]] = {
    "douyin_live": {"secrets": {"live_comment": "s"}},
    "doudian": {"app_key": "k", "app_secret": "s"},
    "kuaishou_live": {"app_secret": "s"},
    "kwaishop": {"message_secret": "AAECAwQFBgcICQoLDA0ODw=="},
    "tmc": {"app_key": "k", "app_secret": "s"},
    "bridge": {},
}


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_every_adapter_is_described_in_full_and_can_be_built(name: str) -> None:
    info = ADAPTERS[name]
    assert info.name == name
    assert info.transport in ("push", "pull", "bridge")
    assert info.trust in tuple("DCVRU")
    assert info.title_zh
    assert info.title_en
    assert info.capabilities
    assert set(info.help) == set(info.settings.__struct_fields__)
    assert all(text.zh and text.en for text in info.help.values())
    adapter = build(name, WORKING[name])
    verb = {"push": "receive", "pull": "connect", "bridge": "decode"}[info.transport]
    assert [face for face in ("receive", "connect", "decode") if hasattr(adapter, face)] == [verb]


def test_capabilities_say_what_a_platform_lacks() -> None:
    assert EventKind.ORDER not in ADAPTERS["douyin_live"].capabilities
    assert ADAPTERS["tmc"].capabilities == {EventKind.ORDER}


@pytest.mark.parametrize(
    ("name", "settings", "named"),
    [
        ("douyin_live", {}, "secrets"),
        ("douyin_live", {"secrets": {}}, "secrets"),
        ("douyin_live", {"secrets": {"live_comment": ""}}, "secrets"),
        ("doudian", {"app_key": "k"}, "app_secret"),
        ("doudian", {"app_key": "k", "app_secret": ""}, "app_secret"),
        ("doudian", {"app_key": "k", "app_secret": None}, "app_secret"),
        ("doudian", {"app_key": "k", "app_secret": "VALUE "}, "app_secret"),
        ("doudian", {"app_key": "k", "app_secret": 5}, "app_secret"),
        ("doudian", {"app_key": "k", "app_secret": "VALUE", "secret": "VALUE"}, "knows no secret; it has: app_key"),
        ("kuaishou_live", {"app_secret": ["VALUE"]}, "app_secret"),
        ("kwaishop", {"message_secret": "VALUE"}, "message_secret"),
        ("kwaishop", {"message_secret": "VALUEVALUE=="}, "message_secret"),
        ("tmc", {"app_secret": "VALUE"}, "app_key"),
        ("tmc", {"app_key": "k", "app_secret": "VALUE", "url": "http://mc.api.taobao.com/"}, "url"),
        ("tmc", {"app_key": "k", "app_secret": "VALUE", "url": "ws:///"}, "url"),
        ("nowhere", {}, "douyin_live"),
    ],
)
def test_unusable_settings_are_named_and_never_shown(name: str, settings: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingsError) as refused:
        build(name, settings)
    assert named in str(refused.value)
    assert "VALUE" not in str(refused.value)


def test_settings_never_show_their_values() -> None:
    settings = read_settings(ADAPTERS["doudian"], {"app_key": "k-VALUE", "app_secret": "s-VALUE"})
    assert "VALUE" not in repr(settings) + str(settings) + str(settings.__rich_repr__())


def foreign_table(monkeypatch: pytest.MonkeyPatch, **points: str) -> AdapterTable:
    found = tuple(EntryPoint(name, value, registry.ENTRY_POINT_GROUP) for name, value in points.items())
    monkeypatch.setattr(registry, "entry_points", lambda group: found if group == "sellthrough.adapters" else ())
    return AdapterTable()


def test_other_packages_adapters_join_and_cannot_take_a_built_in_name(monkeypatch: pytest.MonkeyPatch) -> None:
    table = foreign_table(monkeypatch, acme="stream_adapters.bridge:INFO", doudian="stream_adapters.bridge:INFO")
    assert list(table) == [*BUILT_IN, "acme"]
    assert len(table) == len(BUILT_IN) + 1
    assert isinstance(table["acme"], AdapterInfo)
    assert table["doudian"].name == "doudian"


@pytest.mark.parametrize(
    "value", ["no_such_package:INFO", "stream_adapters.bridge:NOTHING", "stream_adapters.bridge:Id"]
)
def test_broken_foreign_adapter_is_named_only_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    table = foreign_table(monkeypatch, acme=value)
    assert "acme" in table
    assert table["bridge"].name == "bridge"
    with pytest.raises(SettingsError, match=value.split(":")[0]):
        table["acme"]
