"""A page plays the film that it is about, from the moments that it shows."""

import os
from dataclasses import replace
from urllib.parse import unquote

import pytest
from test_report import Page

from fakes import made_answer, with_words
from ntlbg.types import Passage
from ntlbg.views.card import ReportQuestion
from ntlbg.views.player import player_beside
from ntlbg.views.report import Report, report_answer, write_report
from sound_films import clicks, write_film

SAID = Passage("Seeds cost $420.", 2.0, 3.5, "speech")


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    path = tmp_path_factory.mktemp("a film & more") / "my film #1.mp4"
    return write_film(path, clicks(4.0, []))


def links(path) -> list[dict]:
    return [a for tag, a in Page(path.read_text()).elements if tag == "a" and "data-at" in a]


def test_pictures_and_quotations_lead_into_the_film(film, tmp_path):
    answer = replace(with_words(made_answer(), [SAID], [SAID]), video=film)
    page = report_answer(answer, tmp_path / "page.html")
    moments = [SAID.start_seconds, *(item.pts_seconds for item in answer.evidence)]
    assert [float(link["data-at"]) for link in links(page)] == moments
    for link in links(page):
        source, time = link["href"].split("#t=")
        assert time == link["data-at"]
        assert os.path.samefile(tmp_path / unquote(source), film)
    [player] = [a for tag, a in Page(page.read_text()).elements if tag == "video"]
    assert player["src"] == links(page)[0]["href"].split("#")[0]
    assert player["preload"] == "none"  # nothing is loaded unasked


def test_without_pictures_their_times_lead_there(film, tmp_path):
    page = report_answer(made_answer(video=film, pictures=False), tmp_path / "page.html")
    assert len(links(page)) == 8


@pytest.mark.parametrize(("sound_at", "pictures_at"), [(0.0, 1.0), (1.0, 0.0), (0.5, 2.0)])
def test_players_count_from_the_first_stream(tmp_path, sound_at, pictures_at):
    late = write_film(
        tmp_path / "late.mkv", clicks(4.0, []), sound_at=sound_at, pictures_at=pictures_at
    )
    player = player_beside(tmp_path / "page.html", late)
    first = pictures_at - min(sound_at, pictures_at)
    assert float(player.at(1.5)) == pytest.approx(1.5 + first, abs=0.05)


def test_nothing_is_played_of_what_is_gone_or_a_picture_or_several(film, tmp_path):
    assert player_beside(tmp_path / "page.html", tmp_path / "gone.mp4") is None
    asked = [ReportQuestion(made_answer(video=film)), ReportQuestion(made_answer())]
    page = write_report(Report("Two films", asked), tmp_path / "page.html").read_text()
    assert not {"video", "script"} & {tag for tag, _ in Page(page).elements}
