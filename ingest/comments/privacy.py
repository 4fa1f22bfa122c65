"""Personal data in a comment: found and masked before anything else reads the text.

Works on normalised text. Every pattern is bounded, so the work is linear in the text. A digit that belongs to a phone
number, an identity number or an address is gone from the masked text, and can be taken for no amount.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

PHONE: Final = "〔电话〕"
IDENTITY: Final = "〔证件〕"
ACCOUNT: Final = "〔账号〕"
ADDRESS: Final = "〔地址〕"
NAME: Final = "〔姓名〕"
MASKS: Final = (PHONE, IDENTITY, ACCOUNT, ADDRESS, NAME)

HAN = "\u3400-\u9fff"
DIGITS_NEVER_AMOUNT = 7
"""A run of this many digits is a number of somebody's, never an amount: more than 99 packs go to review anyway."""

_HINT = re.compile(
    r"\d[\d .*+()-]{5,}\d|[〇零一二三四五六七八九幺]{7}|@|微|薇信|威信|v信|vx|wx|wechat|whatsapp|telegram|line|zalo|qq"
    r"|收件|收货|姓名|联系人|我叫|名字|地址|址[:是]|[省市县区镇乡村路街巷弄栋幢室道园]|单元|号楼"
)
_PHONE = re.compile(
    r"(?<!\d)(?:\+?86[ -]?)?1[ -]?[3-9](?:[ .-]?[\d*]){9}(?!\d)"
    r"|(?<!\d)0\d{2,3}[ -]?\d{7,8}(?!\d)"
    r"|(?<!\d)0\d{1,2}[ -]\d{3,4}[ -]\d{3,4}(?!\d)"
    r"|\+\d{1,3}[ -]?\d(?:[ -]?\d){6,12}(?!\d)"
    r"|1[3-9]\d\*{2,6}\d{2,4}"
)
_HAN_PHONE = re.compile(r"(?:[〇零一二三四五六七八九幺]){7,}")
_IDENTITY = re.compile(r"(?<!\d)[1-9]\d{5}[ -]?(?:18|19|20)\d{2}[ -]?\d{4}[ -]?\d{3}[\dx](?![\da-z])")
_LONG_NUMBER = re.compile(rf"\d{{{DIGITS_NEVER_AMOUNT},}}x?(?![a-z])")
_ACCOUNT = re.compile(
    r"((?:微信|薇信|威信|维信|微|v信|vx|wx|wechat|whatsapp|telegram|line|zalo|qq)(?:号码|号|id)?[ ]?[:是为]?[ ]?)"
    r"([a-z][a-z0-9_-]{5,19}|\d{5,12})(?![a-z0-9])"
)
_MAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[a-z0-9-]{1,63}\.[a-z0-9.-]{2,63}")
_NAMED = re.compile(
    rf"((?:收件人|收货人|姓名|联系人|名字|我叫)[ ]?[:是为叫]?[ ]?)([{HAN}·]{{2,4}}?)(?=[^{HAN}·]|电话|手机|地址|微信|收货|住|$)"
)
_LABELLED_ADDRESS = re.compile(r"((?:收货)?地址[ ]?[:是为][ ]?)([^,;。!?\n〔]{2,60})")
_BEFORE_PHONE = re.compile(rf"(?:^|(?<=[\s,;:。〕]))([{HAN}]{{2,4}})(?=[\s,:]{{0,3}}〔电话〕)")
_AFTER_PHONE = re.compile(rf"(?<=〔电话〕)([\s,:]{{0,3}})([{HAN}]{{2,3}})(?=$|[\s,;。〔])")
_SURNAMES = frozenset(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪"
    "范金石廖贾夏韦傅方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔汤温康施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟"
    "殷詹申欧耿关兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕单季裴霍涂成苗谷盛曲翁冉骆蓝路游辛靳欧管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤阳时穆农司卓古吉缪简"
)
_PROVINCES = (
    "北京|天津|上海|重庆|河北|山西|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|海南|四川|贵州|云南|陕西|"
    "甘肃|青海|台湾|内蒙古|广西|西藏|宁夏|新疆|香港|澳门"
)
PROVINCES: Final = tuple(_PROVINCES.split("|"))
# What an address is put together of; 号 counts only beside the others, since it also names links.
_MARK = re.compile(
    rf"(?:{'|'.join(PROVINCES)})|自治区|街道|大道|小区|花园|社区|单元|号楼|大厦|广场|公司|学校|医院|科技园|工业园|[省市县区镇乡村组路街巷弄栋幢室楼]|\d号(?![链品款])|\d-\d"
)
_AREA_MARKS = frozenset("省市县区镇乡村路街巷弄") | {"自治区", "街道", "大道", "小区", "花园", "社区"}
_MARK_GAP_CHARS_MAX = 7
_LEAD_CHARS_MAX = 3
_LEAD = re.compile(rf"[{HAN}]{{1,{_LEAD_CHARS_MAX}}}$")
_LEAD_ENDS = frozenset("到址住寄送在是往于发给瓶盒袋包箱托板罐桶份件单个斤克枚")
_TAIL = re.compile(r"[0-9a-z-]{1,8}(?:[号室楼栋户层]|单元)?(?:[0-9-]{1,6}[号室户]?)?|[号室楼户]")
_HOUSE = re.compile(r"\d{1,4}(?:号楼|栋|幢|单元)(?:\d{1,4}(?:单元|楼|层|室|号|户)){0,4}\d{0,4}")


def _mask_digits(match: re.Match[str]) -> str:
    # 8888888 cheers and 1212121 answers the host; neither is anybody's number.
    digits = match[0]
    return digits if len(set(digits)) == 1 or set(digits) <= {"1", "2"} else PHONE


def _mask_names(text: str, kept: frozenset[str]) -> str:
    def is_name(candidate: str) -> bool:
        return candidate[0] in _SURNAMES and not any(word in candidate for word in kept)

    def before(match: re.Match[str]) -> str:
        return NAME if is_name(match[1]) else match[0]

    def after(match: re.Match[str]) -> str:
        return match[1] + NAME if is_name(match[2]) else match[0]

    text = _NAMED.sub(lambda match: match[1] + NAME, text)
    if PHONE in text:
        text = _AFTER_PHONE.sub(after, _BEFORE_PHONE.sub(before, text))
    return text


def _is_near(text: str, start: int, end: int) -> bool:
    """Whether two marks belong to one address: little between them, and nothing that parts clauses."""
    between = text[start:end]
    return len(between) <= _MARK_GAP_CHARS_MAX and not any(sign in between for sign in ",;。!?、\n〔")


def _address_spans(text: str) -> list[tuple[int, int]]:
    """Find runs of at least two marks of place, one of them an area or a road."""
    marks = list(_MARK.finditer(text))
    spans: list[tuple[int, int]] = []
    group: list[re.Match[str]] = []
    for mark in [*marks, None]:
        if mark is not None and (not group or _is_near(text, group[-1].end(), mark.start())):
            group.append(mark)
            continue
        areas = sum(each[0] in _AREA_MARKS for each in group)
        if len(group) > 1 and areas:
            start = group[0].start()
            lead = _LEAD.search(text, max(0, start - _LEAD_CHARS_MAX), start)
            while lead and start > lead.start() and text[start - 1] not in _LEAD_ENDS:
                start -= 1
            tail = _TAIL.match(text, group[-1].end())
            spans.append((start, tail.end() if tail else group[-1].end()))
        group = [] if mark is None else [mark]
    return spans


def _mask_addresses(text: str) -> str:
    text = _LABELLED_ADDRESS.sub(lambda match: match[1] + ADDRESS, text)
    spans = _address_spans(text)
    if spans:
        edges = [0, *(edge for span in spans for edge in span), len(text)]
        text = ADDRESS.join(text[start:end] for start, end in list(pairwise(edges))[::2])
    return _HOUSE.sub(ADDRESS, text)


def mask(text: str, kept: frozenset[str] = frozenset()) -> str:
    """Return normalised text with personal data masked.

    Masks phone numbers (split by spaces or dashes, or in Chinese numerals too), identity numbers, chat accounts, mail
    addresses, postal addresses, and names that are announced as such or stand beside a phone number. `kept` are words
    that are no name (goods). Masking again changes nothing.
    """
    if not _HINT.search(text):
        return text
    text = _MAIL.sub(ACCOUNT, text)
    text = _ACCOUNT.sub(lambda match: match[1] + ACCOUNT, text)
    text = _IDENTITY.sub(IDENTITY, text)
    text = _PHONE.sub(PHONE, text)
    text = _LONG_NUMBER.sub(_mask_digits, text)
    text = _HAN_PHONE.sub(PHONE, text)
    return _mask_addresses(_mask_names(text, kept))
