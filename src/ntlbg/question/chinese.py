"""Chinese: all words and patterns by which a question is read, simplified characters or not.

There are no spaces between words and no capitals, so a word of one character counts only where its
neighbours make no other word of it. The weights and words were set by hand on made-up questions.
"""

import re

from ntlbg.question.language import Language, weighted, words

# Of the words below only, from how they are written in Taiwan and Hong Kong.
_SIMPLIFIED = str.maketrans(
    "麼時幾後還個誰視頻現開點過嗎發畫顯無為樣裡裏總數緊隨間場結終會從與種鐘問題關類風內著",
    "么时几后还个谁视频现开点过吗发画显无为样里里总数紧随间场结终会从与种钟问题关类风内着",
)

# --- Times. ---
_NUMERAL = r"(?:\d+|[零〇一二两三四五六七八九十]+)"
_DIGITS = {character: value for value, character in enumerate("零一二三四五六七八九")}
_DIGITS |= {"〇": 0, "两": 2}
# With hours, minutes and seconds; minutes alone are a length ("5分钟") or a score ("得了5分"). What
# is said to last so long is no moment either.
_SPOKEN_TIME = re.compile(
    rf"(?<![前后每近内续达长了共时\d.:零一二两三四五六七八九十])(?:第\s*)?(?:({_NUMERAL})\s*(?:个?小时|时))?"
    rf"\s*(?:({_NUMERAL})\s*分钟?)?\s*(?:({_NUMERAL})\s*秒钟?)?(?![之以]?内|长|左右的|的?时长|之久)"
)
_WRITTEN_TIME = re.compile(r"(?<![\d.:])(\d+(?::\d+){1,2})(?![\d:])")
_CLOCK = r"\d+(?::\d+){1,2}"

# --- Order. ---
_ALL_OTHERS = r"(?:在|比)?(?:所有|全部|一切|其他|其它|其余|别的)[^,;?!。、]{0,8}?"
_BEFORE_ALL = re.compile(rf"{_ALL_OTHERS}(?:都先|都早|之前|以前)")
_AFTER_ALL = re.compile(rf"{_ALL_OTHERS}(?:都晚|之后|以后)")
# What has a word of order in it and says nothing about order.
_NO_ORDER = re.compile(
    r"先生|先进|先锋|先天|先例|先驱|先后|先前|[祖原事优预领率]先|第一(?:人称|夫人|眼|季|集)"
    r"|目前|眼前|面前|跟前|从前|前天|后天|不久前|皇后|无论什么时候|不管什么时候"
)
# "After it appears"; in front of a house and behind it are places, not times.
_HAPPENS = r"(?:出现|消失|结束|离开|登场|播放|发生|进入|进来|打开|关上|坐下|站起来)"
_COMES = r"(?=(?:紧接着|又|还|才|会|被)*(?:出现|登场|显示|展示|播放|发生|露面))"
_NEXT_ONE = r"一?[个件位种样幕只张辆场步]"
_NO_PLACE = r"(?:^|(?<=[的,。?是在\s]))"  # "桌子上一个杯子" is a cup on a table
_AFTER = words(
    r"之后|以后|接着|随后|接下来|然后|紧跟|紧接",
    rf"后面{_COMES}|{_NO_PLACE}下{_NEXT_ONE}|后一个|{_HAPPENS}了?后",
)
_BEFORE = words(r"之前|以前", rf"前面{_COMES}|{_NO_PLACE}上{_NEXT_ONE}|前一个|{_HAPPENS}了?前")

# --- What is asked for. ---
_WHEN = (
    r"什么(?:时候|时间|时刻)|何时|几点|几时|哪个?(?:时刻|时间|时候|瞬间|一刻|一?秒|一?分钟)"
    r"|哪一(?:刻|秒|分钟)|第几(?:秒|分)"
)
_OR_STILL = r"还是(?!.*吗)"  # with 吗 it is "still"
_YES_OR_NO = words(
    r"(?<!干)吗|是否|有没有|是不是|会不会|能不能|可不可以|有无|没有[?!。\s]*$|了没[?!。\s]*$",
    r"(出现|看到|看见|露面|登场)没(?:有)?\1",
)
_COUNTS = words(r"(?<![第哪好十这那])几(?![点时乎何])|多少(?!钱)|次数|数量|数一[数下]|多久一次")

# --- Two things. ---
_AND = r"(?:(?<![温柔饱参赠给共暖])(?:和(?![平谐尚服气睦])|与(?!其|众|会)|以及))"
_SOONER = r"(?:哪一?[个种只位样件条辆]|谁)是?[先后早晚最更]"
_TWO = words(
    rf"两者|二者|这两个|{_OR_STILL}|或(?!许)",
    rf"{_AND}[^,;?!。]{{1,16}}?,?(?:同时|(?:分别)?都(?![做干说去吃买在])|{_SOONER})",
)
_JOINED_BY_AND = words(_AND)
# Each of two things is there or is not; what they do, they do together.
_THERE = words(
    r"出现|看到|看见|看得到|显示|展示|露面|登场|拍到",
    rf"有[^,;?!。]*?{_AND}|在(?:这个|这段)?(?:视频|影片|画面|电影)[里中]",
)
_OPEN = words(r"什么|哪|谁|怎么|为什么|如何")

# --- What is written while something is said. ---
_AT_THE_TIME = r"(?:的(?:时候|时刻|同时|那一刻)|时(?!间)|期间)"

# --- Parts. ---
_COLOURS = r"[红橙黄绿青蓝紫黑白灰棕粉金银]色?"
_PICTURE = (
    r"(?:这个|这段|该|整个)?"
    r"(?:视频|影片|电影|片子|画面|镜头|录像|短片|图片|照片)[里中上]?面?"
)
_ASKED = (
    r"有没有|没有|是不是|是否|能不能|会不会|哪一?[个种些只条件位]|什么|何时|时候|时刻|两者"
    r"|为什么|怎么|如何|哪里|哪儿|谁|几[次个只条]|多少次?|请问|请"
)
_SEEN = (
    r"出现|看到|看见|显示|展示|发生|登场|最[先后早晚初]|首先|第一[个次]|之[前后]|以[前后]|正在"
    r"|物体|东西|物品|同时|分别|做了?|接着|然后|更[早晚]"
)
_MEASURED = r"[一两这那][个只条把位名辆张件]|[这那]个"
_EDGE_START = rf"{_PICTURE}|{_ASKED}|{_SEEN}|{_MEASURED}|先(?!生)|后(?=出现)|[是有在的了都也那]"
_EDGE_END = rf"{_PICTURE}|{_ASKED}|{_SEEN}|[的了吗呢吧过是在有都也先后里中上时到?]"
_NUMBER = rf"{_NUMERAL}[个只次条名位辆张件]?"

# --- A question after others. ---
_FILM_ITSELF = r"(?:视频|影片|电影|片子|画面|镜头|录像|短片|图片|照片|屏幕)"
_THIS = rf"[这那](?!(?:个|段|部|张|一)?{_FILM_ITSELF})(?:个|些|里|儿|边|样|时)?(?:人|东西)?"
_PRONOUN = rf"[它他她其]们?|{_THIS}"
_ATTRIBUTE = (
    r"颜色|大小|形状|名字|种类|样子|样|原因|结果|价格|价钱|材料|年纪|多久"
    r"|[多有]?[大高长重远快宽老](?!家)"
)
_SAID_OR_DONE = r"说|讲|做|干|拿着?|穿着?|戴着?|用|叫|写着?|发生|想|知道|告诉我?|解释"
_PARTICLE = (
    r"还|又|再|然后|那么|而且?|所以|但是?|可是?|也|就|才|呢|吗|吧|啊|了|过|着|得|不|没|能|会|要|去|来"
    r"|里|上|下|在|是|有|的|地|和|跟|对|给|把|被|为|因为|到底|究竟|具体|详细|别的|其他|另外|请|我|你|人"
    r"|怎么样|怎样|为何|何处|何人|哪|什么样|谁"
)

# --- A few moments, or the whole video: log-odds, after those of English. ---
_FILM = r"(?:视频|影片|电影|片子|录像|短片|纪录片|故事|节目)"
_CUES = {
    _WHEN: 1.5,
    r"之[前后]|以[前后]|接着|随后|期间|的时候|当[^,。?]{1,30}?时|同时|正在|直到": 1.0,
    r"第一|最[先后早初]|首先|下一|再次|突然|瞬间|片刻|时刻": 0.8,
    rf"{_CLOCK}|第\s*{_NUMERAL}\s*秒|分\s*{_NUMERAL}\s*秒": 2.0,
    r"\"[^\"]+\"|“[^“”]+”|「[^「」]+」|『[^『』]+』": 1.0,
    r"颜色|穿着?|戴着?|拿着|写着|文字|数字|号码|标志|标签|字幕|单词": 1.0,
    r"左[边侧]|右[边侧]|旁边|背后|后方|前方|上方|下方|角落|背景": 0.7,
    r"出现|看到|看见|显示|进入|离开|拿起|放下|掉下|打开": 0.6,
    r"哪一?[个种只位](?:物体|人|动物|东西|画面|场景)|有没有|是否有": 0.6,
    r"总结|概括|概述|摘要|归纳|梗概|概要": -3.0,
    rf"(?:整个|整段|整部|全部|完整的?){_FILM}|全片|全程": -2.0,
    r"总体|总的来说|大致|大体|大概|主要|通常|普遍|大多|一般": -1.6,
    r"(?:主要|中心|核心|关键|总体)的?(?:主题|思想|内容|观点|信息|目的|人物|情节|话题)": -2.0,
    rf"{_FILM}[^,。?]{{0,10}}(?:关于|讲述?|介绍|说)(?:的是|了|的)?什么": -2.5,
    r"类型|风格|氛围|基调|标题|题目|结论|情节|寓意|主题": -1.6,
    rf"(?:什么|哪种|哪类)(?:类型|样|种类)?的?{_FILM}": -2.5,
    r"从头到尾|自始至终|始终|随着时间|整体": -1.6,
    rf"(?:描述|解释|介绍|回顾)(?:一下)?(?:这个|这段|这部|该)?{_FILM}": -2.0,
    r"演变|发展|进展|关系": -1.0,
    r"(?:一共|总共|共)[^,。?]{0,12}(?:几|多少)": -1.2,
}


def _clocked(text: str) -> str:
    return _WRITTEN_TIME.sub(r" \1 ", _SPOKEN_TIME.sub(_as_clock, text))


def _plain(text: str) -> str:
    text = _AFTER_ALL.sub("最后", _BEFORE_ALL.sub("最先", text))
    return _NO_ORDER.sub(" ", text)


def _as_clock(found: re.Match) -> str:
    """A spoken time as h:mm:ss; what is none stays."""
    hours, minutes, seconds = found.groups()
    named = seconds if hours is None and minutes is None else minutes or seconds
    is_ordinal = found.group().startswith("第")
    if named is None or (named == seconds and minutes is None and not is_ordinal):
        return found.group()
    if hours is None and seconds is None:
        return found.group()
    total = 3600 * _value(hours) + 60 * _value(minutes) + _value(seconds)
    return f" {total // 3600}:{total // 60 % 60:02d}:{total % 60:02d} "


def _value(numeral: str | None) -> int:
    """Of a numeral up to 99, in digits or characters."""
    if numeral is None:
        return 0
    if numeral.isdecimal():
        return int(numeral)
    tens, ten, ones = numeral.rpartition("十")
    tens_value = _DIGITS.get(tens[-1:], 1) if ten else 0
    return 10 * tens_value + (_DIGITS[ones[-1]] if ones else 0)


def _names_pair(text: str) -> bool:
    """Two things are named, and each of them is asked about, as in English."""
    if _TWO.search(text):
        return True
    if not _JOINED_BY_AND.search(text):
        return False
    open_question = _OPEN.search(text) and not _YES_OR_NO.search(text)
    if open_question and (_AFTER.search(text) or _BEFORE.search(text)):
        return False
    return bool(_THERE.search(text))


CHINESE = Language(
    spelling=_SIMPLIFIED,
    clocked=_clocked,
    plain=_plain,
    names_pair=_names_pair,
    after=_AFTER,
    before=_BEFORE,
    first=words(r"第一|首先|首个|先|最早|最初|一开始|开头|开始|开场|片头"),
    last=words(r"最后|末尾|结尾|结束|最终|最晚|片尾"),
    earlier=words(r"先|更早|较早|最早|早于|第一|之前|以前"),
    later=words(r"最后|最晚|更晚|较晚|晚于|之后|以后|[后晚](?=出现|看到|登场|露面)"),
    counts=_COUNTS,
    when=words(_WHEN, r"的时候|时,|当[^,。?]{1,30}?时"),
    asks_for_time=words(_WHEN),
    asks_for_other=words(_WHEN, r"为什么|为何|怎么|如何|怎样|哪里|哪儿|在哪|何处|谁"),
    yes_or_no=_YES_OR_NO,
    choice=words(_OR_STILL, r"或(?!许)"),
    time_range=words(
        rf"{_CLOCK}\s*(?:到|至|-|–|—|~)\s*{_CLOCK}",
        rf"{_CLOCK}\s*(?:和|与|跟|及)\s*{_CLOCK}\s*(?:之间|中间)",
    ),
    beside_time=words(rf"{_CLOCK}\s*(?:的时候)?[之以][前后]"),
    at_a_time=words(rf"在?\s*{_CLOCK}\s*(?:的时候|的时刻|那一刻|时|处)?[,的]?\s*"),
    what_is_shown=words(
        rf"(?:{_PICTURE})?(?:能看到|可以看到|能看见|显示|展示|出现|看到|看见|有|是)?(?:了|的是|的)?"
        r"(?:什么|哪个)(?:东西|物体|物品)?"
    ),
    meanwhile=words(
        rf"^\s*(?:[当在])?(?P<clause_first>[^,;?!]+?){_AT_THE_TIME},?(?P<rest_after>.+)",
        rf"^(?P<rest>[^,;?!]+),[当在]?(?P<clause>.+?){_AT_THE_TIME}",
    ),
    said=words(
        r"(?:有人|大家|老师|主持人|主讲人|讲者|讲师|他们?|她们?|说话人)?(?:正在|在)?"
        r"(?:讲解?|说|谈论?|提|聊|讨论|介绍|解释|报道)(?:[到起及着了的])*"
    ),
    written=words(
        r"(?:屏幕|幻灯片|画面|黑板|横幅|滚动条|字幕)[上里中]?(?:的?标题)?(?:正在|在)?"
        r"(?:[显展]示|写|打出|出现)?[着了的是]*|标题[着了的是]*|写[着了]"
    ),
    cues=weighted(_CUES),
    unit=words(
        r"\"[^\"]+\"|“[^“”]+”|「[^「」]+」|『[^『』]+』|《[^《》]+》",
        rf"{_COLOURS}[和与或、]{_COLOURS}",
        r"(\w{1,20})[和与]\1",
        r"[温柔饱暖]和|和[平谐尚服气睦]|参与|与其|与众|与会|或许|还是(?=.*吗)",
    ),
    one_unless_pair=_JOINED_BY_AND,
    joined=words(r"还是|以及|或者?|和|与|、|之[前后]|以[前后]|然后|接着|随后|的时候|同时|直到"),
    edge_start=words(rf"^(?:\s|{_EDGE_START})+"),
    edge_end=words(rf"(?:\s|{_EDGE_END})+$"),
    nameless=words(rf"(?:{_EDGE_START}|{_EDGE_END}|{_NUMBER}|[\d:.])+"),
    number=words(_NUMBER),
    colour=words(_COLOURS),
    no_thing=words(
        r"以上(?:都|皆|全)|都不是|都是|都没有|不知道|不确定|无法(?:确定|判断)|未知|没有看到|看不出"
    ),
    bare=words(
        rf"(?:{_EDGE_START}|{_EDGE_END}|{_NUMBER}|{_PRONOUN}|{_ATTRIBUTE}|{_SAID_OR_DONE}|{_PARTICLE}"
        r"|[\d:.,])+"
    ),
    pronoun=words(_PRONOUN),
    film=words(_FILM_ITSELF),
)
