"""The drawing of one answered question is the same in a report and on a page of cards."""

import re
from pathlib import Path

from test_report import Page, spoken_answer

from fakes import made_answer
from ntlbg.views.card import ReportQuestion, card_style, render_card
from ntlbg.views.player import Player
from ntlbg.views.report import Report, render

# Cards as reports drew them before there was a card of its own, in the form of `plain`.
GOLDEN = Path(__file__).parent / "golden_cards.html"
PLAYER = Player("film.mp4", "film.mp4", 0.5)


def plain(text: str) -> str:
    """Without differences in white space, and without what JPEG encoders may differ in."""
    text = re.sub(r"data:image/jpeg;base64,[^\"]*", "JPEG", text)
    return re.sub(r"\s*(<[^>]*>)\s*", r"\n\1\n", " ".join(text.split())).strip()


def judged() -> ReportQuestion:
    baseline = made_answer(text="nothing", selector="uniform", pictures=False)
    answer = made_answer(options=["guitar", "owl"], option_scores=[0.97, 0.03], found=0.5)
    return ReportQuestion(answer, "first", "guitar", True, [(1200.0, 1203.0)], baseline, False)


def cards(page: str) -> str:
    return "\n".join(re.findall(r'<section class="card" id="q.*?</section>', page, re.DOTALL))


def test_reports_draw_as_they_did():
    asked = [judged(), ReportQuestion(spoken_answer(notes=["a & note"]))]
    drawn = "\n".join(cards(render(Report("title", [one]), PLAYER)) for one in asked)
    assert plain(drawn).splitlines() == GOLDEN.read_text(encoding="utf-8").splitlines()


def test_a_card_is_that_of_the_report_but_for_its_name():
    asked = ReportQuestion(spoken_answer())
    card = render_card(asked, PLAYER, name="a7")
    assert plain(card.replace("a7", "q1")) == plain(cards(render(Report("title", [asked]), PLAYER)))


def test_ids_of_two_cards_on_a_page_do_not_clash():
    both = Page("".join(render_card(judged(), PLAYER, name=name) for name in ("x", "y")))
    ids = [a["id"] for _, a in both.elements if "id" in a]
    assert len(ids) == len(set(ids)) == 2 * (1 + 8)
    inside = [a["href"][1:] for _, a in both.elements if a.get("href", "").startswith("#")]
    assert set(inside) <= set(ids)


def test_a_card_needs_no_script_and_nothing_from_elsewhere():
    card = Page(render_card(judged(), PLAYER, name="a7"))
    assert not {"script", "link", "style", "iframe"} & {tag for tag, _ in card.elements}
    assert not any(name.startswith("on") for _, a in card.elements for name in a)
    assert not re.search(r"url\(|@import|https?://", card_style())


def test_every_class_of_a_card_has_a_style_that_pages_are_given():
    card = render_card(judged(), PLAYER, name="a") + render_card(
        ReportQuestion(spoken_answer()), PLAYER, name="b"
    )
    used = {name for _, a in Page(card).elements for name in (a.get("class") or "").split()}
    styled = set(re.findall(r"\.([a-z][\w-]*)", card_style()))
    assert used <= styled
