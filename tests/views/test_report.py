"""The page as a browser's parser sees it."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from fakes import made_answer, made_attention, many_passages, with_words
from ntlbg.answerers.quoting import NEAREST, quotation
from ntlbg.errors import OutputError
from ntlbg.evidence import mark_evidence
from ntlbg.models.ntlbg.inspection import RichPoints
from ntlbg.types import Passage
from ntlbg.views.card import ReportQuestion
from ntlbg.views.console import print_answer
from ntlbg.views.report import (
    Report,
    TimedStep,
    render,
    report_answer,
    write_report,
)

VOID = {"meta", "img", "rect", "path", "ellipse", "link", "br"}


class Page(HTMLParser):
    """Elements with their attributes, the text, and whether every tag is closed."""

    def __init__(self, text: str):
        super().__init__()
        self.elements, self.open, self.words = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def of_class(self, name: str) -> list[dict]:
        return [a for _, a in self.elements if name in (a.get("class") or "").split()]


@pytest.fixture
def full_report():
    answer = made_answer()
    baseline = made_answer(text="nothing", selector="uniform", pictures=False)
    choice = made_answer(options=["guitar", "owl"], option_scores=[0.97, 0.03])
    rng = np.random.default_rng(0)
    return Report(
        title="Two questions",
        lead="A made video.",
        facts={"Model": "builtin"},
        asked=[
            ReportQuestion(answer, "first", "guitar", True, [(1200.0, 1203.0)], baseline, False),
            ReportQuestion(choice, "last", "owl", False, [(1200.0, 1203.0)], baseline, True),
        ],
        benchmark=[TimedStep("Decode and encode", 31.0, "once"), TimedStep("Answer", 0.5)],
        attention=made_attention(),
        rich_points=RichPoints(
            "Which?", np.arange(3.0), np.ones(3), rng.normal(size=(3, 40)), np.full((3, 2), 0.25)
        ),
        measured=["Right means equal."],
        limits=["One video."],
    )


def test_page_is_well_formed_and_self_contained(full_report):
    text = render(full_report)
    page = Page(text)
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in page.elements}
    for _, attributes in page.elements:
        for name in ("src", "href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:image/jpeg;base64,"))
    assert not re.search(r"url\(|@import|https?://", text)


def test_links_lead_somewhere(full_report):
    page = Page(render(full_report))
    targets = {a["id"] for _, a in page.elements if "id" in a}
    links = {a["href"][1:] for tag, a in page.elements if tag == "a"}
    assert links
    assert links <= targets


def test_page_shows_answers_truth_and_tally(full_report):
    text = Page(render(full_report)).text
    assert "1 of 2 right with frames selected for each question" in text
    assert "1 of 2 right with as many frames at equal distances" in text
    assert "truth owl" in text
    assert "97 %" in text
    assert "31 s" in text
    assert "0.50 s" in text


def test_marks_stand_where_the_frames_are(full_report):
    answer = full_report.asked[0].answer
    page = Page(render(full_report))
    picks = page.of_class("pick")[: len(answer.evidence)]
    for pick, item in zip(picks, answer.evidence, strict=True):
        left = float(re.match(r"left:([\d.]+)%", pick["style"]).group(1))
        assert left == pytest.approx(100 * item.pts_seconds / 3599, abs=0.01)
    hits = [pick for pick in picks if "hit" in pick["class"]]
    assert len(hits) == sum(1200 <= item.pts_seconds < 1203 for item in answer.evidence) >= 1
    band = page.of_class("band")[0]["style"]
    assert float(band.split("left:")[1].split("%")[0]) == pytest.approx(
        100 * 1201.5 / 3599, abs=0.01
    )


def test_every_picture_is_there_once(full_report):
    page = Page(render(full_report))
    images = [a for tag, a in page.elements if tag == "img"]
    assert len(images) == 2 * len(full_report.asked[0].answer.evidence)
    assert all(a["alt"] for a in images)


def test_text_is_escaped():
    answer = made_answer(question="Is <b>5 > 3</b> & so?", text="<script>alert(1)</script>")
    text = render(Report("A & B", [ReportQuestion(answer)]))
    assert "<script>" not in text
    assert "Is &lt;b&gt;5 &gt; 3&lt;/b&gt; &amp; so?" in text


@pytest.mark.parametrize("changes", [{"scored": False}, {"pictures": False}])
def test_page_without_scores_or_pictures(changes):
    page = Page(render(Report("Plain", [ReportQuestion(made_answer(**changes))])))
    assert ("img" in {tag for tag, _ in page.elements}) == ("pictures" not in changes)
    assert "of 8 right" not in page.text


def test_one_answer_as_a_page(tmp_path):
    path = report_answer(made_answer(notes=["asked for 20 frames"]), tmp_path / "new" / "a.html")
    text = Page(path.read_text(encoding="utf-8")).text
    assert "A question about sample.mp4" in text
    assert "3,600 frames" in text
    assert "asked for 20 frames" in text


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(OutputError, match="is a folder; name a file"):
        write_report(Report("x", []), tmp_path)


def test_page_tells_whether_evidence_was_found():
    with_chance = render(Report("title", [ReportQuestion(made_answer(found=0.034))]))
    assert "evidence found 3 %" in Page(with_chance).text
    assert (
        "evidence found" not in Page(render(Report("title", [ReportQuestion(made_answer())]))).text
    )


def test_terminal_tells_whether_evidence_was_found(capsys):
    print_answer(made_answer(found=0.974))
    assert "evidence found: 97%" in capsys.readouterr().out
    print_answer(made_answer())
    assert "evidence found" not in capsys.readouterr().out


def test_moments_that_show_what_was_asked_about_are_marked(capsys):
    answer = made_answer()
    marked = replace(
        answer, evidence=mark_evidence(answer.evidence, np.arange(len(answer.evidence)) == 2)
    )
    page = Page(render(Report("title", [ReportQuestion(marked)])))
    assert len(page.of_class("shows")) == 1
    assert page.text.count("shows it") == 1
    assert not Page(render(Report("title", [ReportQuestion(answer)]))).of_class("shows")
    print_answer(marked)
    lines = capsys.readouterr().out.splitlines()
    assert [f"{item.timestamp} *" in "\n".join(lines) for item in marked.evidence].count(True) == 1
    assert "* shows what the question is about" in lines
    print_answer(answer)
    assert "*" not in capsys.readouterr().out


def section(text: str, name: str) -> str:
    return text.split(f'id="{name}">', 1)[1].split("</section>", 1)[0]


def drawn_points(path: str) -> np.ndarray:
    return np.array([point.split(",") for point in re.findall(r"M([^h]+)h0", path)], float)


def test_page_shows_the_attention(full_report):
    inner = section(render(full_report), "attention")
    page = Page(inner)
    assert "Question: Is <it> red?" in page.text
    assert "Is 0.125 <it> 0.250 red? 0.625" in page.text
    assert [a["style"] for tag, a in page.elements if "--weight" in a.get("style", "")] == [
        "--weight:20.0%", "--weight:40.0%", "--weight:100.0%",
    ]  # fmt: skip
    assert "c = 15.0" in page.text
    assert "task 1.250 of the answer align – not known" in page.text
    assert "“Yes & no”" in page.text
    assert "512 dimensions" in page.text


def test_distances_and_their_level_stand_on_one_scale(full_report):
    """The level 15 is a quarter of the way from 10 to 30, as the chosen frames are."""
    page = Page(section(render(full_report), "attention"))

    def bottoms(name):
        return [float(a["style"].split("bottom:")[1].rstrip("%")) for a in page.of_class(name)]

    low, high = bottoms("end")
    assert bottoms("level") == pytest.approx([low + (high - low) / 4], abs=0.01)
    shares = np.array([0, 20, 40, 59]) / 59
    assert bottoms("dot") == pytest.approx(low + (high - low) * shares, abs=0.01)
    lefts = [float(re.match(r"left:([\d.]+)%", a["style"])[1]) for a in page.of_class("dot")]
    assert lefts == pytest.approx(100 * shares, abs=0.01)
    frames = drawn_points(page.of_class("dots")[0]["d"])
    assert len(frames) == 60
    assert frames[0] == pytest.approx([0, 100 - low], abs=0.06)
    assert frames[-1] == pytest.approx([1000, 100 - high], abs=0.06)


def test_the_plane_keeps_its_proportions(full_report):
    """Lengths of the ellipses and the frames' distances share one unit."""
    page, plane = Page(section(render(full_report), "attention")), made_attention().plane
    one, contour = [a for tag, a in page.elements if tag == "ellipse"]
    variances = np.linalg.eigvalsh(plane.covariance)
    unit = float(one["rx"]) / variances[1] ** 0.5
    assert float(one["ry"]) == pytest.approx(unit * variances[0] ** 0.5, abs=0.1)
    assert float(contour["rx"]) == pytest.approx(15**0.5 * float(one["rx"]), rel=1e-3)
    turned = float(re.search(r"rotate\((.*)\)", one["transform"])[1])
    axis = np.array([np.cos(np.radians(turned)), -np.sin(np.radians(turned))])  # y goes down
    assert np.linalg.norm(plane.covariance @ axis - variances[1] * axis) < 1e-3
    places = drawn_points(page.of_class("dots")[1]["d"])
    assert np.ptp(places, axis=0) == pytest.approx(unit * np.ptp(plane.points, axis=0), abs=0.5)


def test_page_without_attention(full_report):
    text = render(replace(full_report, attention=None))
    assert "How the frames were chosen" in render(full_report)
    assert "How the frames were chosen" not in text


SAID = Passage("Knead it <b>for\nten</b> minutes & wait", 760.0, 764.0, "speech")
WRITTEN = Passage("10 min", 1799.5, 1850.0, "screen")


def spoken_answer(**changes):
    passages = [*many_passages(), SAID, WRITTEN]
    return with_words(made_answer(**changes), passages, [SAID, WRITTEN])


def page_of(answer, **changes) -> str:
    return render(Report("title", [ReportQuestion(answer, **changes)]))


def test_what_is_said_has_a_lane_and_what_is_quoted_a_mark_in_it():
    page = Page(page_of(spoken_answer()))
    assert "speech 701 passages" in page.text
    assert "screen 1 passage 00" not in page.text
    assert "screen 1 passage" in page.text
    assert len(page.of_class("lane")) == 2
    said, written = page.of_class("quoted")
    for mark, passage, target in ((said, SAID, "q1p1"), (written, WRITTEN, "q1p2")):
        left, width = map(float, re.findall(r"([\d.]+)%", mark["style"]))
        assert left == pytest.approx(100 * passage.start_seconds / 3599, abs=0.01)
        length = max(passage.end_seconds - passage.start_seconds, 3599 / 480)
        assert width == pytest.approx(100 * length / 3599, abs=0.01)
        assert mark["href"] == f"#{target}"
    assert {a["id"] for tag, a in page.elements if "id" in a} >= {"q1p1", "q1p2"}


def test_quotations_are_listed_with_time_source_and_text():
    text = page_of(spoken_answer())
    assert "12:40 said: Knead it <b>for ten</b> minutes & wait" in Page(text).text
    assert "29:59 on screen: 10 min" in Page(text).text
    assert "Knead it &lt;b&gt;for ten&lt;/b&gt; minutes &amp; wait" in text
    assert "script" not in {tag for tag, _ in Page(text).elements}


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        ([NEAREST, quotation(SAID), quotation(WRITTEN)], NEAREST),
        ([quotation(SAID), quotation(WRITTEN)], quotation(SAID)),
        (["Ten minutes,", "as is said."], "Ten minutes, as is said."),
    ],
)
def test_the_answer_does_not_repeat_what_is_listed(lines, shown):
    text = page_of(spoken_answer(text="\n".join(lines)))
    answer = text.split('<p class="answer">')[1].split("</p>")[0]
    assert Page(answer).text == shown


def lanes_removed(text: str) -> list[str]:
    """Lines of a page without what it has for lanes and quotations."""
    parts = (
        r"\n\.answer strong \{ white.*?(?=</style>)",
        r"  <span><i class=\"key key-lane.*?(?=</p>)",
        r"<div class=\"lanes.*?</div>\n</div>",
        r"<ol class=\"quotes.*?</ol>",
    )
    for part in parts:
        text, number = re.subn(part, "", text, flags=re.DOTALL)
        assert number == 1, part
    return text.splitlines()


def test_where_nothing_is_said_the_page_has_no_trace_of_it():
    """It is the page with lanes, but for them, line for line."""
    truth = {"truth": "owl", "right": False, "evidence": [(1200.0, 1203.0)]}
    without = page_of(made_answer(), **truth)
    assert not re.search(r"\blane|quote|pre-line", without)
    assert lanes_removed(page_of(spoken_answer(), **truth)) == without.splitlines()


def test_a_page_about_an_hour_of_speech_stays_small():
    """Seven times as much is said; the page holds no more than 240 marks for it."""
    few, many = (
        page_of(with_words(made_answer(), many_passages(number))) for number in (700, 5000)
    )
    none = page_of(made_answer())
    assert len(few) - len(none) < 240 * len("M1000.0,.5h1000.0") + 4000
    assert len(many) <= len(few)
