from __future__ import annotations

import contextlib
import io
import zipfile
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flashsale.domain import SetOffer, SetPool
from inventory.catalogue import CatalogueError, catalogue_template, read_catalogue
from inventory.catalogue.columns import COLUMNS, CellError, read_price_yuan, read_time_beijing, read_words, whole_number

TONGGU = (Path(__file__).parents[3] / "examples" / "tonggu" / "catalogue.csv").read_bytes()
HEADINGS = ["pool_id", "pool_name", "base_unit", "initial_units", "sku", "offer_name", "units_per_pack", "price_minor"]
EGGS = ["eggs", "土鸡蛋", "枚", 10000, "egg-10", "鸡蛋 10 枚", 10, 3000]
HALF_PAST_EIGHT_MS = 1605961800000  # 2020-11-21 20:30 in Beijing


def csv_file(*rows: list[object], headings: list[str] | None = None) -> bytes:
    lines = [headings or HEADINGS, *rows]
    return "\n".join(",".join(str(cell) for cell in line) for line in lines).encode()


def xlsx_file(*rows: list[object], headings: list[str] | None = None) -> bytes:
    workbook = openpyxl.Workbook()
    for line in [headings or HEADINGS, *rows]:
        workbook.active.append(line)
    buffer = io.BytesIO()
    workbook.save(buffer)
    return buffer.getvalue()


def problems_of(content: bytes, filename: str = "catalogue.csv") -> list[tuple[int, str, str]]:
    with pytest.raises(CatalogueError) as caught:
        read_catalogue(content, filename)
    assert all(problem.zh and problem.en for problem in caught.value.problems)
    return [(problem.row, problem.column, problem.en) for problem in caught.value.problems]


def test_the_tonggu_goods_are_nine_offers_on_seven_pools_at_list_prices_above_the_offer_prices() -> None:
    catalogue = read_catalogue(TONGGU, "catalogue.csv")
    assert [pool.pool_id for pool in catalogue.pools] == ["eggs", "noodles", "honey", "bamboo", "tea", "oil", "candied"]
    assert len(catalogue.offers) == 9
    assert all(offer.list_price_minor > offer.price_minor for offer in catalogue.offers)
    egg_30 = catalogue.offers[1]
    assert (egg_30.code, egg_30.link_no, egg_30.base_unit) == ("A2", 2, "枚")
    assert (egg_30.aliases, egg_30.pack_words) == (("鸡蛋", "土鸡蛋", "散养鸡蛋"), ("托", "板"))


def test_selling_out_the_four_pools_and_300_more_orders_comes_to_the_recorded_money() -> None:
    catalogue = read_catalogue(TONGGU, "catalogue.csv")
    pools = {pool.pool_id: pool.initial_units for pool in catalogue.pools}
    price = {offer.sku: (offer.price_minor, offer.units_per_pack) for offer in catalogue.offers}
    sold_out = ("egg-10", "eggs"), ("noodle-1", "noodles"), ("honey-500", "honey"), ("bamboo", "bamboo")
    money = sum(pools[pool] // price[sku][1] * price[sku][0] for sku, pool in sold_out)
    money += 220 * price["oil-5l"][0] + 40 * price["tea"][0] + 40 * price["candied"][0]
    assert money == 32_420_000


def test_operations_name_pools_before_the_offers_that_draw_on_them() -> None:
    ops = read_catalogue(TONGGU, "catalogue.csv").ops()
    assert [type(op) for op in ops] == [SetPool] * 7 + [SetOffer] * 9
    assert ops[7] == SetOffer(
        sku="egg-10", pool_id="eggs", name="散养土鸡蛋 10枚/盒", units_per_pack=10, price_minor=3000, list_price_minor=3800,
        limit_packs=20,
    )  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_every_encoding_that_chinese_excel_writes_reads_the_same(encoding: str) -> None:
    assert read_catalogue(TONGGU.decode().encode(encoding), "C.CSV") == read_catalogue(TONGGU, "catalogue.csv")


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_list_separators_of_other_locales_are_read(delimiter: str) -> None:
    content = csv_file(EGGS).replace(b",", delimiter.encode())
    assert read_catalogue(content, "catalogue.csv").offers[0].price_minor == 3000


def test_workbook_reads_the_same_as_the_text_file() -> None:
    assert read_catalogue(xlsx_file(EGGS), "catalogue.xlsx") == read_catalogue(csv_file(EGGS), "catalogue.csv")


def test_template_has_chinese_headings_and_its_example_reads_back() -> None:
    template = catalogue_template()
    sheet = openpyxl.load_workbook(io.BytesIO(template)).worksheets[0]
    headings = [cell.value for cell in sheet[1]]
    assert headings[:4] == ["库存池编码*", "库存池名称*", "基本单位*", "初始库存*"]
    assert sheet.data_validations.dataValidation
    (offer,) = read_catalogue(template, "模板.xlsx").offers
    assert (offer.price_minor, offer.list_price_minor, offer.units_per_pack) == (9000, 10800, 30)


def test_each_heading_of_each_column_is_known_once() -> None:
    names = [heading for column in COLUMNS for heading in (column.heading, column.zh, *column.also_zh)]
    assert len(names) == len(set(names))


def test_chinese_headings_prices_in_yuan_and_beijing_times_are_understood() -> None:
    headings = [
        "库存池编码",
        "库存池名称",
        "基本单位",
        "库存",
        "商品编码",
        "商品名称",
        "每件数量",
        "价格（元）",
        "原价",
        "特价开始",
    ]
    row = ["eggs", "土鸡蛋", "枚", "10,000", "egg-10", "鸡蛋 10 枚", 10, 19.9, "25.5", datetime(2020, 11, 21, 20, 30)]
    (offer,) = read_catalogue(xlsx_file(row, headings=headings), "c.xlsx").offers
    assert (offer.price_minor, offer.list_price_minor, offer.special_from_ms) == (1990, 2550, HALF_PAST_EIGHT_MS)


def test_all_problems_of_a_file_come_at_once_each_with_its_row_and_column() -> None:
    broken = csv_file(
        EGGS,
        ["eggs", "土鸡蛋", "枚", 9999, "egg-30", "鸡蛋 30 枚", 0, 9000],
        ["tea", "", "罐", "很多", "egg-10", "茶", 1, "9.5"],
    )
    places = [(row, column) for row, column, _ in problems_of(broken)]
    assert places == [(3, "units_per_pack"), (4, "pool_name"), (4, "initial_units"), (4, "price_minor")]
    assert [(row, column) for row, column, _ in problems_of(csv_file(EGGS, [*EGGS[:3], 9999, *EGGS[4:]]))] == [
        (3, "initial_units"),
        (3, "sku"),
    ]


def test_error_text_is_chinese_first_and_says_that_nothing_changed() -> None:
    with pytest.raises(CatalogueError) as caught:
        read_catalogue(csv_file([*EGGS[:7], "abc"]), "catalogue.csv")
    first, chinese, english = str(caught.value).splitlines()
    assert "1 处要改" in first
    assert "nothing was changed" in first
    assert chinese.startswith("· 第 2 行「price_minor」：「abc」不是数字")
    assert english.startswith('  row 2, "price_minor": ')


@pytest.mark.parametrize(
    ("extra_headings", "rows", "place"),
    [
        (["list_price_minor"], [[*EGGS, 2999]], (2, "list_price_minor")),
        (["special_from_ms"], [[*EGGS, 5]], (2, "special_from_ms")),
        (["list_price_minor", "special_from_ms", "special_until_ms"], [[*EGGS, 4000, 7, 7]], (2, "special_until_ms")),
        (["presale_units"], [[*EGGS, 100]], (2, "presale_units")),
        (["presale_ships_at_ms"], [[*EGGS, 100]], (2, "presale_ships_at_ms")),
        (["code"], [[*EGGS, "A1"], [*EGGS[:4], "egg-30", *EGGS[5:], "a1"]], (3, "code")),
        (["code", "link_no"], [[*EGGS, "2", 1], [*EGGS[:4], "egg-30", *EGGS[5:], "", 2]], (2, "code")),
        (["limit_packs"], [[*EGGS, -1]], (2, "limit_packs")),
    ],
)
def test_what_contradicts_itself_is_refused(
    extra_headings: list[str], rows: list[list[object]], place: tuple[int, str]
) -> None:
    assert [found[:2] for found in problems_of(csv_file(*rows, headings=HEADINGS + extra_headings))] == [place]


def test_mistyped_heading_is_refused_with_the_one_it_resembles() -> None:
    ((_, column, english),) = problems_of(csv_file([*EGGS, 1], headings=[*HEADINGS, "limit_pack"]))
    assert column == "limit_pack"
    assert "limit_packs" in english


def test_remarks_are_left_alone_and_a_price_given_twice_is_not() -> None:
    assert read_catalogue(csv_file([*EGGS, "易碎"], headings=[*HEADINGS, "备注"]), "c.csv").offers
    ((_, column, _),) = problems_of(csv_file([*EGGS, 30], headings=[*HEADINGS, "价格(元)"]))
    assert column == "价格(元)"


def test_missing_columns_are_all_named() -> None:
    english = " ".join(text for _, _, text in problems_of(csv_file(["eggs"], headings=["pool_id"])))
    assert all(heading in english for heading in ("pool_name", "base_unit", "initial_units", "sku", "units_per_pack"))
    assert "(price)" in english


@pytest.mark.parametrize(
    ("content", "filename"),
    [
        (b"", "catalogue.csv"),
        (b"  \n", "catalogue.csv"),
        (csv_file(), "catalogue.csv"),
        (b"\xff\xfe\x00\x00\x81", "catalogue.csv"),
        (b'a,"b\n', "catalogue.csv"),
        (b"PK\x03\x04 truncated", "catalogue.xlsx"),
        (b"plain text", "catalogue.xlsx"),
        (TONGGU, "catalogue.xls"),
        (TONGGU, "catalogue"),
        (b"x" * (5 * 1024 * 1024 + 1), "catalogue.csv"),
        (csv_file(*([EGGS] * 5001)), "catalogue.csv"),
    ],
)
def test_what_is_no_catalogue_is_refused_in_words(content: bytes, filename: str) -> None:
    assert problems_of(content, filename)


def test_formulas_are_refused_and_never_evaluated() -> None:
    ((row, column, english),) = problems_of(xlsx_file([*EGGS[:7], "=30*100"]), "c.xlsx")
    assert (row, column) == (2, "H2")
    assert "formula" in english


def test_workbook_that_unpacks_to_too_much_is_refused_before_it_is_unpacked() -> None:
    buffer = io.BytesIO(xlsx_file(EGGS))
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/bomb.bin", b"\0" * (65 * 1024 * 1024))
    ((_, _, english),) = problems_of(buffer.getvalue(), "c.xlsx")
    assert "unpacks" in english


def test_workbook_that_declares_entities_is_refused() -> None:
    buffer = io.BytesIO(xlsx_file(EGGS))
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("xl/extra.xml", '<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>')
    ((_, _, english),) = problems_of(buffer.getvalue(), "c.xlsx")
    assert "entities" in english


@pytest.mark.parametrize("sku", ["a/b", "a b", "{a}", "=1", "a" * 129, "蛋" * 43])
def test_ids_that_cannot_stand_in_an_address_are_refused(sku: str) -> None:
    assert [place[:2] for place in problems_of(csv_file([*EGGS[:4], sku, *EGGS[5:]]))] == [(2, "sku")]


def test_a_cell_reads_as_one_exact_value() -> None:
    assert [read_price_yuan(cell) for cell in ("¥1,234.50", 0.29, "１９.９", None)] == [123450, 29, 1990, 0]
    assert [whole_number(0, 99)(cell) for cell in ("7", 7.0, "７", "")] == [7, 7, 7, 0]
    assert read_words("托｜板||托") == ("托", "板")
    assert read_time_beijing("2020年11月21日 20:30") == read_time_beijing("2020/11/21 20:30") == HALF_PAST_EIGHT_MS


@pytest.mark.parametrize("cell", ["1.999", "1e400", "nan", "一百", "12,34", True, "-1"])
def test_a_price_that_is_no_price_is_refused(cell: str | bool) -> None:
    with pytest.raises(CellError):
        read_price_yuan(cell)


@given(st.binary(max_size=400), st.sampled_from(["a.csv", "a.xlsx"]))
def test_any_bytes_give_a_catalogue_or_its_problems(content: bytes, filename: str) -> None:
    with contextlib.suppress(CatalogueError):
        assert read_catalogue(content, filename).offers


@given(st.lists(st.text(max_size=8), min_size=8, max_size=8))
def test_any_cells_give_a_catalogue_or_its_problems(cells: list[str]) -> None:
    row: list[object] = [cell.replace(",", "").replace('"', "") for cell in cells]
    with contextlib.suppress(CatalogueError):
        assert all(offer.units_per_pack >= 1 for offer in read_catalogue(csv_file(row), "a.csv").offers)
