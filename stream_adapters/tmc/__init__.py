"""Taobao message channel (TMC) over WebSocket: trade, refund and live-attributed orders.

Promises: a message is confirmed only after it is safe, and the same message delivered twice has the same event id.
Carries orders only: Taobao has no general push of live comments.
"""

from stream_adapters.contract import AdapterInfo, SettingHelp
from stream_adapters.domain import EventKind
from stream_adapters.tmc.client import TmcClient, TmcSettings, TmcTiming
from stream_adapters.tmc.domain import PLATFORM

__all__ = ["INFO", "TmcClient", "TmcSettings", "TmcTiming"]

INFO = AdapterInfo(
    name="tmc",
    platform=PLATFORM,
    transport="pull",
    trust="V",
    settings=TmcSettings,
    build=TmcClient,
    capabilities=frozenset({EventKind.ORDER}),
    title_zh="淘宝消息服务 TMC（交易与直播订单）",
    title_en="Taobao message channel TMC (trades and live orders)",
    help={
        "app_key": SettingHelp(zh="淘宝开放平台应用的 App Key。", en="App Key of the app on the Taobao open platform."),
        "app_secret": SettingHelp(zh="同一应用的 App Secret。", en="App Secret of the same app.", secret=True),
        "group_name": SettingHelp(
            zh="消息分组，没有建过分组就用 default。", en="The message group; `default` where none was made."
        ),
        "url": SettingHelp(
            zh="消息通道地址：正式 ws://mc.api.taobao.com/，沙箱 ws://mc.api.tbsandbox.com/。",
            en="Address of the channel: ws://mc.api.taobao.com/, or ws://mc.api.tbsandbox.com/ for the sandbox.",
        ),
    },
)
