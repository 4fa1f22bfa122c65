"""What viewers say: orders in the ways people type them, questions, chatter, and who they are.

All of it is made up here from small word lists. Chatter is written so that no reader could take it for an order.
"""

from __future__ import annotations

import random

from ingest.demo.plan import Person
from inventory.catalogue import CatalogueOffer

_DIGITS = "零一两三四五六七八九十"
_FULL_WIDTH = str.maketrans("0123456789ABCDEFG+", "０１２３４５６７８９ＡＢＣＤＥＦＧ＋")
_TRADITIONAL = str.maketrans({"鸡": "雞", "两": "兩", "笋": "筍", "干": "乾"})

_FAMILY = tuple("赵钱孙李周吴郑王冯陈蒋沈韩杨朱秦许何吕张孔曹严华金魏陶姜谢邹")
_TRAITS = (
    "爱笑的",
    "山里的",
    "早起的",
    "慢悠悠的",
    "会做饭的",
    "住楼上的",
    "不加班的",
    "刚退休的",
    "爱喝汤的",
    "江西的",
)
_BEINGS = (
    "橘子",
    "老猫",
    "竹子",
    "星星",
    "阿姨",
    "小厨",
    "云朵",
    "木匠",
    "石榴",
    "茶壶",
    "燕子",
    "番茄",
    "南瓜",
    "大树",
)


class Crowd:
    """Makes the viewers of one platform, each of them once."""

    def __init__(self, rng: random.Random, platform: str) -> None:
        self._rng = rng
        self._platform = platform
        self._count = 0

    def newcomer(self) -> Person:
        """A viewer who has not been seen before."""
        rng = self._rng
        self._count += 1
        user_id = f"{self._platform[0]}u{rng.getrandbits(40):010x}{self._count:05d}"
        if rng.random() < 0.4:
            nickname = (
                f"{rng.choice(_FAMILY)}{rng.choice(('姐', '哥', '阿姨', '老师', '大叔', '妹'))}{rng.randrange(1, 99)}"
            )
        else:
            nickname = rng.choice(_TRAITS) + rng.choice(_BEINGS)
        return Person(platform=self._platform, user_id=user_id, nickname=nickname)


def order_text(rng: random.Random, offer: CatalogueOffer, packs: int, *, on_air: bool = False) -> str:
    """One of the ways to type an order without doubt. Where the offer is `on_air`, some leave its name out."""
    if on_air and rng.random() < 0.12:
        return rng.choice((f"+{packs}", f"拍{packs}", f"要{packs}{offer.pack_words[0]}"))
    code, word = offer.code, offer.pack_words[0]
    alias = rng.choice(offer.aliases)
    said = _DIGITS[packs] if packs < len(_DIGITS) else str(packs)
    forms = [
        f"{code}+{packs}",
        f"{code} +{packs}",
        f"{code.lower()}+{packs}",
        f"{code}x{packs}",
        f"{code}*{packs}",
        f"{code} {packs}{word}",
        f"{packs}{word}{code}",
        f"{code}+{packs}".translate(_FULL_WIDTH),
        f"{code}要{packs}{word}谢谢",
        f"{code} {said}{word}",
        f"{offer.link_no}号链接 {packs}{word}",
        f"{alias}{said}{word}",
        f"{alias}来{said}{word}",
        f"{alias}{packs}{word}".translate(_TRADITIONAL),
        f"给我来{packs}{word}{alias}",
        f"帮我妈拍{said}{word}{alias}",
        f"CF {code} {packs}",
    ]
    if packs == 1:
        forms += [code, f"我要{code}", f"{code}来一{word}", f"{alias}来一{word}"]
    text = rng.choice(forms)
    tail = rng.random()
    if tail < 0.06:
        return f"{text} 电话{_phone(rng)}"
    return text + rng.choice(("", "", "", "", "！", "~", "🌹", " 谢谢")) if tail < 0.4 else text


def _phone(rng: random.Random) -> str:
    return f"138{rng.randrange(10_000_000, 99_999_999)}"


def set_text(rng: random.Random, offer: CatalogueOffer, packs: int) -> str:
    """A buyer who wants another amount than they first said."""
    word = offer.pack_words[0]
    return rng.choice((f"{offer.code}改成{packs}{word}", f"{offer.code}改成{_DIGITS[packs]}{word}"))


def cancel_text(rng: random.Random, offer: CatalogueOffer) -> str:
    """A buyer who takes their order back."""
    return rng.choice(("取消", "取消", f"{offer.code}取消", f"不要{offer.code}了"))


def waitlist_text(offer: CatalogueOffer) -> str:
    """A buyer who would like to have what comes back to stock."""
    return f"候补{offer.code}"


_OPENINGS = (
    "主播",
    "晚上好",
    "大家好",
    "老乡",
    "县长",
    "姐姐",
    "哈哈哈",
    "哇",
    "嗯嗯",
    "说真的",
    "第一次来",
    "又见面了",
)
_REMARKS = (
    "这个灯光真好看",
    "声音可以大一点",
    "背后的山是哪里呀",
    "听着就想回老家",
    "我外婆也住在山里",
    "说话好实在",
    "笑起来很亲切",
    "家乡的味道",
    "这里的空气一定很好",
    "下雨了你们那里冷不冷呀",
    "支持老乡",
    "今晚人真多",
    "刚下班赶过来的",
    "带着孩子一起看",
    "画面有点卡",
    "换个镜头看看后面的竹林",
    "唱首山歌吧",
    "辛苦啦",
    "说得我都饿了",
    "我们村以前也这样做",
    "小时候赶集常见到",
    "这口音太熟悉了",
    "隔壁邻居也在看",
    "从广东赶来支持",
    "在外地打工看哭了",
    "希望乡亲们日子越来越好",
    "给乡亲们加油",
    "客家人来报到",
    "秋收节快乐",
    "记得喝水",
    "主播的围裙好可爱",
    "后面那位大叔是谁",
)
_TAILS = ("", "", "", "呀", "~", "！", "😊", "👍", "哈哈", "🌾")
_CHEERS = (
    "666",
    "888",
    "999",
    "2333",
    "👏👏👏",
    "🌹🌹",
    "哈哈哈哈",
    "加油加油",
    "冲冲冲",
    "来啦来啦",
    "主播好",
    "晚上好",
)
_QUESTIONS = (
    "{alias}还有吗",
    "{alias}多少钱",
    "{code}还有吗",
    "{link}号链接多少钱",
    "{alias}什么时候发货",
    "{alias}保质期多久？",
    "{alias}怎么保存？",
    "几号链接",
    "新疆能发货吗",
    "包邮吗",
    "什么时候发货",
    "碎了赔吗",
    "老人能吃吗",
    "可以开发票吗",
    "{alias}是哪个村的？",
)
_AFTERWARDS = (
    "已拍",
    "已拍，等收货",
    "刚拍了",
    "上次收到很新鲜",
    "买过，家里人都喜欢",
    "没抢到",
    "手慢了没抢到",
    "扣1",
    "111",
    "222",
    "1111",
)
_ADDRESSED = ("@小王 快来看", "@妈妈 你看这个直播", "@老李 你老家上电视了")
_PRIVATE = (
    "我的电话是{phone}，主播联系我一下",
    "微信 {phone} 加一下",
    "寄到赣州市章贡区红旗大道{number}号 收件人王小梅 {phone}",
)


def chatter_text(rng: random.Random, offers: list[CatalogueOffer]) -> str:
    """A comment that orders nothing: a greeting, a remark, a cheer, a question, something about oneself."""
    kind = rng.random()
    if kind < 0.5:
        opening = rng.choice(_OPENINGS) + rng.choice(("，", " ", "")) if rng.random() < 0.5 else ""
        return opening + rng.choice(_REMARKS) + rng.choice(_TAILS)
    if kind < 0.68:
        return rng.choice(_CHEERS)
    if kind < 0.86:
        offer = rng.choice(offers)
        question = rng.choice(_QUESTIONS)
        return question.format(alias=rng.choice(offer.aliases), code=offer.code, link=offer.link_no)
    if kind < 0.96:
        return rng.choice(_AFTERWARDS)
    if kind < 0.985:
        return rng.choice(_ADDRESSED)
    return rng.choice(_PRIVATE).format(phone=_phone(rng), number=rng.randrange(2, 120))


HOST_LINES = (
    "大家晚上好，今天带来铜鼓山里的土鸡蛋、米粉、蜂蜜和烟笋",
    "每一款都有检测证书，编号写在商品页上",
    "没抢到的朋友别急，有人没付款会放出来",
    "鸡蛋卖完了，预售马上开，两周后发货",
    "抽奖口令打在公屏上，人人有机会",
    "感谢大家，今晚乡亲们睡得着了",
)
