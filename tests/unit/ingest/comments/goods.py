"""The goods that the comment tests speak of."""

from __future__ import annotations

from ingest.comments import OfferWords

GOODS = (
    ("egg-10", "eggs", "枚", "A1", 1, "散养土鸡蛋 10枚/盒", "鸡蛋|土鸡蛋|散养鸡蛋", "盒", 10, 3_000),
    ("egg-30", "eggs", "枚", "A2", 2, "散养土鸡蛋 30枚/托", "鸡蛋|土鸡蛋|散养鸡蛋", "托|板", 30, 9_000),
    ("noodle-1", "noodles", "克", "B1", 3, "手工米粉 1kg/袋", "米粉|手工米粉", "袋", 1_000, 2_000),
    ("noodle-5", "noodles", "克", "B2", 4, "手工米粉 5kg/箱", "米粉|手工米粉", "箱", 5_000, 10_000),
    ("honey-500", "honey", "克", "C1", 5, "土蜂蜜 500g/瓶", "蜂蜜|土蜂蜜", "瓶|罐", 500, 8_000),
    ("bamboo", "bamboo", "包", "D1", 6, "烟笋干 500g/包", "烟笋|笋干|烟笋干", "包", 1, 6_000),
    ("oil-5l", "oil", "桶", "F1", 8, "山茶油 5L/桶", "茶油|山茶油|茶籽油", "桶", 1, 39_800),
)


def make_offers() -> tuple[OfferWords, ...]:
    return tuple(
        OfferWords(
            sku=sku,
            pool_id=pool,
            base_unit=unit,
            code=code,
            link_no=link,
            name=name,
            aliases=tuple(aliases.split("|")),
            pack_words=tuple(packs.split("|")),
            units_per_pack=units,
            price_minor=price,
        )
        for sku, pool, unit, code, link, name, aliases, packs, units, price in GOODS
    )
