from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

from flashsale import codec, library

LUA = Path(str(files("flashsale") / "lua"))
CODES = (LUA / "include" / "codes.lua").read_text(encoding="utf-8")
OPS = sorted((LUA / "ops").glob("*.lua"))
ENTRIES = sorted(LUA.glob("*.lua"))
INCLUDES = sorted((LUA / "include").glob("*.lua"))


def _table(name: str) -> dict[str, int]:
    body = re.search(rf"local {name} = \{{(.*?)\}}", CODES, re.DOTALL)
    assert body is not None
    return {key: int(number) for key, number in re.findall(r"(\w+) = (\d+)", body.group(1))}


def _header(path: Path) -> str:
    source = path.read_text(encoding="utf-8")
    assert source.startswith("--[[ "), f"{path.name} does not open with a header"
    return source[: source.index("]]")]


def test_outcomes_have_the_same_numbers_in_lua_and_python() -> None:
    assert _table("OUT") == {
        outcome.value: number for number, outcome in enumerate(codec.OUTCOMES) if outcome is not None
    }


def test_outcomes_by_number_spell_the_same_list() -> None:
    body = re.search(r"local OUT_NAME = \{(.*?)\}", CODES, re.DOTALL)
    assert body is not None
    assert re.findall(r"'(\w+)'", body.group(1)) == [outcome.value for outcome in codec.OUTCOMES if outcome]


def test_statuses_have_the_same_numbers_in_lua_and_python() -> None:
    assert _table("ST") == {status: number for number, status in enumerate(codec.STATUSES) if status}


def test_library_joins_every_lua_file_once() -> None:
    source = library.source()
    for path in [*INCLUDES, *OPS, *ENTRIES]:
        assert source.count(_header(path)) == 1, path.name


@pytest.mark.parametrize("path", [*OPS, *ENTRIES, *INCLUDES], ids=lambda path: path.name)
def test_lua_file_opens_with_its_name_and_what_it_does(path: Path) -> None:
    assert re.match(rf"--\[\[ (st_)?{path.stem}|--\[\[ st_tally", _header(path))


@pytest.mark.parametrize("path", ENTRIES, ids=lambda path: path.name)
def test_function_names_each_key_argument_reply_write_and_cost(path: Path) -> None:
    header, source = _header(path), path.read_text(encoding="utf-8")
    keys = re.search(r"^KEYS +(.*?)(?=^[A-Z]{4,})", header, re.DOTALL | re.MULTILINE)
    assert keys is not None
    numbers = [int(number) for number in re.findall(r"(?:^|\s)(\d+) \w", keys.group(1))]
    assert numbers == list(range(1, len(numbers) + 1))
    assert all(word in header for word in ("RETURNS", "WRITES", "COST", "RETRY"))
    assert ("ARGV" in header) == ("args[" in source)


@pytest.mark.parametrize("path", OPS, ids=lambda path: path.name)
def test_operation_names_its_fields_answers_and_retry(path: Path) -> None:
    header, source = _header(path), path.read_text(encoding="utf-8")
    described = re.findall(r"^OP(?: (\w+))? +(1 .*?)(?=^OP|^ANSWERS)", header, re.DOTALL | re.MULTILINE)
    handlers = re.findall(r"^local function op_(\w+)\(", source, re.MULTILINE)
    assert len(described) == len(handlers) > 0
    assert [name or path.stem for name, _ in described] == handlers or {n for n, _ in described} == set(handlers)
    for _, fields in described:
        numbers = [int(number) for number in re.findall(r"(?:^|\s{2,}|\n)(\d+)…? \w", fields)]
        assert numbers == list(range(1, len(numbers) + 1)), fields
    assert "ANSWERS" in header
    assert "RETRY" in header


def test_library_and_functions_bear_the_version_of_their_source() -> None:
    version = library.version()
    assert re.fullmatch(r"[0-9a-f]{12}", version)
    assert library.source().startswith(f"#!lua name=sellthrough_{version}\n")
    for name in (library.decide_name(), library.tally_name()):
        assert name.endswith(version)
        assert f"'{name}'" in library.source()
