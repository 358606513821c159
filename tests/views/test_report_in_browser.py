"""A report is a file: without a server it plays the film beside it, with its sound."""

from playwright.sync_api import expect

from browser import browser  # noqa: F401
from fakes import made_answer, with_words
from ntlbg.types import Passage
from ntlbg.views.report import report_answer
from sound_films import clicks, write_film

SAID = Passage("Seeds cost $420.", 2.0, 3.5, "speech")
# Once it plays, which takes a moment: where it is, and how much sound was decoded.
HEARD = """async (film) => {
  const step = () => new Promise((done) => setTimeout(done, 20));
  for (let i = 0; i < 3000 && !(film.currentTime > 2 && film.webkitAudioDecodedByteCount); i++)
    await step();
  return [film.currentTime, film.webkitAudioDecodedByteCount, film.muted, film.error];
}"""


def test_a_quotation_is_heard_where_no_server_is(browser, tmp_path):  # noqa: F811
    film = write_film(tmp_path / "my film.mp4", clicks(6.0, [2.5]), pictures=150)
    answer = with_words(made_answer(video=film), [SAID], [SAID])
    report = report_answer(answer, tmp_path / "page" / "report.html")
    page = browser.new_page()
    page.goto(report.as_uri())
    page.get_by_role("list", name="Quoted").get_by_role("link", name="00:02").click()
    film_shown = page.locator("video")
    expect(film_shown).to_be_visible()
    seconds, decoded, is_muted, error = film_shown.evaluate(HEARD)
    assert (error, is_muted) == (None, False)
    assert 2.0 <= seconds < 6.0
    assert decoded > 0
    page.close()
