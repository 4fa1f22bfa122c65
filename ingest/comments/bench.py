"""How many comments one core reads in a second, beside one regular expression for `code(+n)?` over the same stream.

The stream is made here, from a seed: 5 % orders in many wordings, questions, digits that answer or cheer, and small talk
made of common words, most of it different from comment to comment. Both are timed by the processor time of this process,
so that neighbours on the machine do not count, and the best of several rounds is taken. Each round starts with a fresh
lexicon, which remembers nothing.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from ingest.comments.domain import Intent, OfferWords
from ingest.comments.lexicon import Lexicon

COMMENTS: Final = 40_000
ORDERS_PERCENT: Final = 5
ROUNDS: Final = 5
SEED: Final = 20_201_111
FEATURED: Final = "honey"

_GOODS = (
    ("egg-10", "eggs", "枚", "A1", 1, "散养土鸡蛋", "鸡蛋", "盒", 10),
    ("egg-30", "eggs", "枚", "A2", 2, "散养土鸡蛋", "鸡蛋", "托", 30),
    ("noodle", "noodles", "克", "B1", 3, "手工米粉", "米粉", "袋", 1_000),
    ("honey", "honey", "克", "C1", 4, "土蜂蜜", "蜂蜜", "瓶", 500),
    ("bamboo", "bamboo", "包", "D1", 5, "烟笋干", "笋干", "包", 1),
    ("oil", "oil", "桶", "F1", 6, "山茶油", "茶油", "桶", 1),
)
_NUMERALS = ("一", "两", "三", "四", "五", "六", "1", "2", "3", "4", "5", "6", "8", "10", "12")
_ORDERS: tuple[Callable[[random.Random, OfferWords, str], str], ...] = (
    lambda _, offer, amount: f"{offer.code}+{amount}",
    lambda _, offer, amount: f"{offer.code.lower()} {amount}",
    lambda _, offer, amount: f"{offer.code} {amount}{offer.pack_words[0]}",
    lambda _, offer, amount: f"{offer.aliases[0]}{amount}{offer.pack_words[0]}",
    lambda _, offer, amount: f"给我来{amount}{offer.pack_words[0]}{offer.aliases[0]}，谢谢主播",
    lambda _, offer, amount: f"{offer.link_no}号链接 {amount}件",
    lambda rng, _, amount: rng.choice((f"+{amount}", f"拍{amount}", f"来{amount}份")),
)
_WHO = (
    "主播",
    "小姐姐",
    "老板",
    "大家",
    "县长",
    "你们家",
    "隔壁大叔",
    "我妈妈",
    "这位大哥",
    "屏幕前的朋友",
    "那边的山",
    "直播间",
)
_HOW = ("今天", "真的", "看起来", "终于", "好像", "一直", "突然", "居然", "又在", "慢慢", "特别", "还是那么")
_WHAT = (
    "好漂亮",
    "很精神",
    "唱得好听",
    "很会说话",
    "笑得开心",
    "讲得仔细",
    "有点紧张",
    "太可爱",
    "辛苦啦",
    "像在画里",
    "热闹得很",
    "暖和起来",
)
_END = ("", "", "！", "！！！", "。", "～", "哈哈哈", "呀", "🌹", " 加油", "，点赞", "👍👍")
_ASKED = ("什么时候发货", "还有吗", "多少钱一份", "怎么下单", "包邮吗？", "保质期多久", "是今年的新货吗", "发什么快递")
_DIGITS = ("1", "11", "111", "666", "6666", "888", "2", "222", "999", "扣1", "233")


def _offers() -> tuple[OfferWords, ...]:
    return tuple(
        OfferWords(
            sku=sku,
            pool_id=pool,
            base_unit=unit,
            code=code,
            link_no=link,
            name=name,
            aliases=(alias,),
            pack_words=(pack,),
            units_per_pack=units,
            price_minor=9_900 + units,
        )
        for sku, pool, unit, code, link, name, alias, pack, units in _GOODS
    )


def _comment(rng: random.Random, offers: Sequence[OfferWords]) -> str:
    kind = rng.randrange(100)
    if kind < ORDERS_PERCENT:
        return rng.choice(_ORDERS)(rng, rng.choice(offers), rng.choice(_NUMERALS))
    if kind < 13:
        return rng.choice(_WHO) + "，" + rng.choice(_ASKED)
    if kind < 30:
        return rng.choice(_DIGITS)
    return rng.choice(_WHO) + rng.choice(_HOW) + rng.choice(_WHAT) + rng.choice(_END)


def make_stream(count: int = COMMENTS, seed: int = SEED) -> list[str]:
    """Make `count` comments, always the same ones for a seed."""
    rng = random.Random(seed)  # noqa: S311
    offers = _offers()
    return [_comment(rng, offers) for _ in range(count)]


def _per_second(prepare: Callable[[], Callable[[str], object]], stream: Sequence[str]) -> tuple[float, float]:
    """Return the best rate by processor time, and the best by the clock on the wall, of what `prepare` gives to run."""
    processor, wall = [], []
    for _ in range(ROUNDS):
        run = prepare()
        wall_start, processor_start = time.perf_counter(), time.process_time()
        for text in stream:
            run(text)
        processor.append(time.process_time() - processor_start)
        wall.append(time.perf_counter() - wall_start)
    return len(stream) / min(processor), len(stream) / min(wall)


def bench_comments(progress: Callable[[str], None]) -> dict[str, float | int]:
    """Measure both on the same stream.

    `comments_per_s` and `yardstick_per_s` are comments a second of one core's time; `orders` counts the comments that were
    read as orders, `distinct` the different texts. Takes a few seconds.
    """
    stream = make_stream()
    offers = _offers()
    Lexicon.compile(offers).read("主播好！")  # the tables that all lexicons share are built once per process
    yardstick = re.compile(rf"\b({'|'.join(offer.code for offer in offers)})(?:\+(\d+))?", re.IGNORECASE)

    def reader() -> Callable[[str], object]:
        return partial(Lexicon.compile(offers).read, featured=FEATURED)

    progress(f"comments: {len(stream)} comments, read several times")
    rate, rate_wall = _per_second(reader, stream)
    progress("yardstick: one compiled pattern on the same comments")
    yardstick_rate, _ = _per_second(lambda: yardstick.search, stream)
    lexicon = Lexicon.compile(offers)
    return {
        "comments_per_s": round(rate),
        "yardstick_per_s": round(yardstick_rate),
        "comments_per_s_wall": round(rate_wall),
        "comments": len(stream),
        "distinct": len(set(stream)),
        "orders": sum(lexicon.read(text, FEATURED).intent is Intent.ORDER for text in stream),
        "microseconds_per_comment": round(1e6 / rate, 2),
    }
