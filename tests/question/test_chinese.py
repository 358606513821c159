"""What Chinese questions ask for, each beside the same question in English."""

import numpy as np
import pytest

from ntlbg.question import parse_question
from ntlbg.question.timing import apply_question_timing

# Chinese, and English that asks for the same.
SAME = """
猫什么时候出现？ = When does the cat appear?
猫在什么时候第一次出现？ = When does the cat appear first?
猫最后一次出现是何时？ = When does the cat appear for the last time?
视频里几点钟出现了猫？ = At what time does the cat appear in the video?
这是什麼時候發生的？ = When does this happen?
第一个出现的物体是什么？ = Which object appears first?
视频中最先出现的是什么东西？ = What is the first thing to appear in the video?
首先显示了什么？ = What is shown first?
最早出现的是哪个动物？ = Which animal appears first?
视频的最初出现的是什么？ = What appears at the beginning of the video?
在所有其他物体之前出现的是什么？ = What is seen before all others?
最后出现的是什么？ = What appears last?
最後出現的是什麼？ = What appears last?
片尾出现了什么？ = What appears at the end?
比其他物体都晚出现的是什么？ = What is seen after all others?
吉他之后出现了什么？ = What appears after the guitar?
猫出现以后发生了什么？ = What happens after the cat?
猫后面出现的是什么？ = What appears after the cat?
接着出现了什么？ = What appears next?
随后显示的是哪个物体？ = Which object is shown next?
吉他的下一个物体是什么？ = What is the next object after the guitar?
吉他之前是什么物体？ = What object is before the guitar?
门打开以前有什么？ = What is there before the door opens?
猫前面出现的是哪个物体？ = Which object appears before the cat?
猫出现了几次？ = How many times does the cat appear?
貓出現了幾次？ = How many times does the cat appear?
猫出现了多少次？ = How often does the cat appear?
画面里有多少只狗？ = How many dogs are there?
视频里是否有猫？ = Is there a cat in the video?
有没有出现猫？ = Does a cat appear?
是不是有一只猫？ = Is there a cat?
猫出现了吗？ = Does the cat appear?
视频里出现过猫没有？ = Does a cat appear in the video?
先出现的是猫还是狗？ = Which appears first, the cat or the dog?
猫和狗哪个先出现？ = Of the cat and the dog, which appears first?
猫和狗，哪个后出现？ = Of the cat and the dog, which appears later?
猫和狗都出现了吗？ = Do both the cat and the dog appear?
视频里有没有猫和狗？ = Is there a cat and a dog?
视频里出现了猫以及狗吗？ = Does a cat as well as a dog appear?
猫与狗两者都有吗？ = Are there both a cat and a dog?
男人和女人晚饭之后做了什么？ = What do the man and the woman do after dinner?
男人和女人什么时候见面？ = When do the man and the woman meet?
男人和女人去了哪里？ = Where do the man and the woman go?
为什么男人笑了？ = Why does the man laugh?
1：02出现了什么物体？ = What object appears at 1:02?
在2分5秒出现的是什么？ = What appears at 2:05?
第30秒出现了什么？ = What appears at 0:30?
第３０秒出现了什么？ = What appears at 0:30?
第三十秒出现了什么？ = What appears at 0:30?
十二分三十五秒出现了什么？ = What appears at 12:35?
1小时2分出现了什么？ = What appears at 1:02:00?
02：05到03：10之间有什么？ = What is there from 02:05 to 03:10?
02:05和03:10之间出现了什么？ = What appears between 02:05 and 03:10?
从2分5秒至3分10秒有什么？ = What is there from 2 minutes 5 seconds to 3 minutes 10 seconds?
2分5秒之前出现了什么？ = What appears before 2:05?
第125秒以后出现了什么？ = What appears after 2:05?
""".strip().splitlines()
MEANING = (
    "times_seconds", "ranges_seconds", "beside_time", "direction", "side", "names_pair", "counts",
    "asks_when", "first_of_two",
    "is_yes_no_or_count", "asks_what_in_order", "asks_about_one", "asks_about_events", "has_timing",
)  # fmt: skip


@pytest.mark.parametrize("pair", SAME)
def test_it_is_read_as_the_same_question_in_english(pair):
    read, same = (parse_question(text).intent for text in pair.split(" = "))
    assert (read.language, same.language) == ("zh", "en")
    for name in MEANING:
        assert getattr(read, name) == getattr(same, name), name


@pytest.mark.parametrize(
    "question",
    [
        "房子后面有什么？",  # behind
        "汽车前面是谁？",  # in front of
        "桌子上一个杯子是什么颜色？",
        "李先生在做什么？",
        "第一人称视角是谁的？",
        "他面前有什么？",
        "其他人面前有什么？",
        "别的车后面有什么？",
        "两个人和平相处了吗？",
        "他还是在那里吗？",  # still
        "这个包多少钱？",
        "得了5分的是谁？",
        "他等了5分钟吗？",
        "前30秒讲了什么？",
        "持续1小时20分5秒的是什么？",
    ],
)
def test_what_only_looks_like_it_is_no_order_number_pair_or_time(question):
    read = parse_question(question).intent
    assert not any((read.has_timing, read.names_pair, read.counts, read.offers_choice))


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("先出现的是猫还是狗？", ("猫", "狗")),
        ("貓還是狗先出現？", ("貓", "狗")),
        ("猫、狗和马都出现了吗？", ("猫", "狗", "马")),
        ("时钟和电吉他哪一个更早出现？", ("时钟", "电吉他")),
        ("视频里有没有“出口和入口”或者红和黑的猫？", ("出口和入口", "红和黑的猫")),
        ("吉他之后出现了什么？", ("吉他之后出现了什么？",)),
        ("他们和平相处了吗？", ("他们和平相处了吗？",)),
        ("最後出現的是什麼？", ("最後出現的是什麼？",)),
    ],
)
def test_several_things_are_several_parts(question, parts):
    assert parse_question(question).intent.parts == parts


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["杯子", "雨伞", "以上都不是"], ("杯子", "雨伞")),
        (["两只猫", "三只猫"], ()),
        (["二十只猫", "十二只猫"], ()),
        (["红色", "蓝色"], ()),
        (["02：05", "03：10"], ()),
        (["是", "没有"], ()),
    ],
)
def test_options_are_parts_where_they_name_things(options, named):
    question = "他拿着什么？"
    assert parse_question(question, options).intent.parts == (question, *named)


@pytest.mark.parametrize(
    "question",
    ["总结这个视频", "这个视频主要讲了什么？", "概括整个视频的内容", "影片的主题是什么？"],
)
def test_an_overview_is_about_the_whole_video(question):
    assert parse_question(question).intent.localized_prior < 0.3


@pytest.mark.parametrize("question", ["当女人关门时，男人拿着什么？", "2分5秒的时候出现了什么？"])
def test_a_moment_is_about_a_few(question):
    assert parse_question(question).intent.localized_prior > 0.8


def test_order_in_a_chinese_question_moves_the_relevance():
    scores, times = np.full(300, -6.0), np.arange(300.0)
    scores[30:33], scores[100:103], scores[200:203] = 1.0, 8.0, 1.0

    def best_beside_the_cat(question):
        timed = apply_question_timing(scores, times, parse_question(question).intent)
        timed[100:103] = -np.inf
        return int(timed.argmax())

    assert best_beside_the_cat("猫之后出现了什么？") in (200, 201, 202)
    assert best_beside_the_cat("猫之前出现了什么？") in (30, 31, 32)
    assert best_beside_the_cat("1分20秒出现了什么？") in (79, 80, 81)
