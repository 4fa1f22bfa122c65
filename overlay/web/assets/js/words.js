// Words of the sale in both languages; one place, so that overlay and console say the same.

export const STATES = {
  draft: ["未开始", "Draft"],
  open: ["开卖中", "Open"],
  paused: ["暂停", "Paused"],
  closed: ["已结束", "Closed"],
};

const CHANNELS = {
  douyin: ["抖音", "Douyin"],
  kuaishou: ["快手", "Kuaishou"],
  taobao: ["淘宝直播", "Taobao Live"],
  weibo: ["微博", "Weibo"],
  xigua: ["西瓜视频", "Ixigua"],
  ixigua: ["西瓜视频", "Ixigua"],
  bilibili: ["哔哩哔哩", "Bilibili"],
  wechat: ["视频号", "WeChat"],
  tiktok: ["TikTok", ""],
  booth: ["展位", "Booth"],
  vending: ["售货机", "Vending"],
  corporate: ["团购", "Corporate"],
};

export const channelName = (channel) => CHANNELS[channel] ?? [channel, ""];

export const OUTCOMES = {
  reserved: ["已预占", "reserved"],
  partial: ["部分预占", "partial"],
  presold: ["已预售", "presold"],
  waitlisted: ["候补", "waitlisted"],
  sold_out: ["售罄", "sold out"],
  limit_reached: ["超出限购", "limit reached"],
  not_on_sale: ["未开售", "not on sale"],
  blocked: ["已拉黑", "blocked"],
  conflict: ["编号冲突", "conflict"],
  expired: ["已过期", "expired"],
  overloaded: ["系统繁忙", "overloaded"],
  confirmed: ["已成交", "confirmed"],
  cancelled: ["已取消", "cancelled"],
  ignored: ["重复，未计", "ignored"],
  frozen: ["已锁单", "frozen"],
  recorded: ["已登记", "recorded"],
  invalid: ["无效", "invalid"],
};

export const INTENTS = {
  order: ["下单", "order"],
  set: ["改数量", "set"],
  cancel: ["取消", "cancel"],
  waitlist: ["候补", "waitlist"],
  question: ["提问", "question"],
  interest: ["想要", "interest"],
  review: ["待人工看", "review"],
  none: ["闲聊", "chatter"],
};

export const DRAW_STATES = {
  open: ["进行中", "open"],
  closed: ["已截止", "closed"],
  settled: ["已开奖", "settled"],
};

export const REASONS = {
  restock: ["补货", "Restock"],
  withdraw: ["撤回", "Withdraw"],
  spoilage: ["损耗", "Spoilage"],
  correction: ["更正", "Correction"],
};
