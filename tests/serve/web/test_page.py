"""The page of `ntlbg serve` in a real browser, as people use it: by mouse, by keys, in two tabs."""

import re
import shutil
import signal
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect
from sites import running

from browser import browser  # noqa: F401
from fakes import write_colour_video
from ntlbg.serve.web.shelf import id_of
from processes import STILL_SECONDS
from sound_films import clicks, write_film

WIDE, NARROW = {"width": 1400, "height": 900}, {"width": 390, "height": 844}
QUIET = {"x265-params": "log-level=none"}
RED = (220, 30, 30)
# A film that stands: its time on the player's clock, whether it was playing, and the middle pixel.
LOOK = """async (film) => {
  const step = () => new Promise((done) => setTimeout(done, 20));
  const isThere = () => film.readyState > 1 && !film.seeking && film.currentTime > 0;
  for (let i = 0; i < 3000 && !isThere(); i++) await step();
  const wasPlaying = !film.paused;
  film.pause();
  while (film.seeking) await step();
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 9;
  const drawing = canvas.getContext("2d");
  drawing.drawImage(film, 0, 0, 9, 9);
  return [film.currentTime, wasPlaying, [...drawing.getImageData(4, 4, 1, 1).data].slice(0, 3)];
}"""
# All texts that the answer has while it is written.
READ_ALONG = """() => {
  window.texts = [];
  const look = () => texts.push(document.querySelector(".turn .answer")?.textContent.trim());
  new MutationObserver(look).observe(document.getElementById("turns"),
    { subtree: true, childList: true, characterData: true });
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory, colour_video):
    place = tmp_path_factory.mktemp("page") / "films"
    place.mkdir()
    for name in ("ask", "keys", "follow", "tabs", "reload", "clips", "cancel", "axe", "killed"):
        shutil.copy(colour_video, place / f"{name}.mp4")
    write_film(place / "hevc.mp4", clicks(4.0, []), video_codec="libx265", options=QUIET)
    write_film(place / "late.mp4", clicks(6.0, []), pictures_at=1.0, flashes=[1.75 + 1.0])
    return place


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """Of the server's environment: slow answers end when the file ENOUGH is there."""
    place = tmp_path_factory.mktemp("settings")
    index, enough = str(place / "index"), str(place / "enough")
    return {"NTLBG_INDEX": index, "ENOUGH": enough, "SECONDS_A_WORD": "0.05"}


@pytest.fixture(scope="module")
def server(folder, settings, tmp_path_factory):
    state = tmp_path_factory.mktemp("served") / "state"
    with running(folder, state, "--max-upload-gb", "0.002", **settings) as server:
        yield server
        server.stopped()


@pytest.fixture
def tabs(browser, server):  # noqa: F811
    """Opens tabs of one person; no request of theirs goes elsewhere, and no error is logged.

    `tabs.expected` are errors that a test means to cause.
    """
    context = browser.new_context(viewport=WIDE, reduced_motion="reduce")
    context.set_default_timeout(1000 * STILL_SECONDS)
    errors, elsewhere = [], []
    context.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    context.on("weberror", lambda error: errors.append(str(error.error)))
    context.on("request", lambda r: elsewhere.append(r.url))

    def opened(path: str = "/", address: str = server.local) -> Tab:
        tab = context.new_page()
        tab.goto(address + path)
        return tab

    opened.context, opened.expected = context, []
    yield opened
    context.close()
    assert [one for one in errors if not any(map(one.__contains__, opened.expected))] == []
    own = ("http://127.0.0.1:", "data:", "blob:")
    assert [url for url in elsewhere if not url.startswith(own)] == []


def place_of(film: str) -> str:
    return f"/?film={id_of(film + '.mp4')}"


def ask(tab: Tab, question: str) -> None:
    tab.get_by_role("textbox", name=re.compile("^Ask")).fill(question)
    tab.get_by_role("button", name="Ask", exact=True).click()


def answered(tab: Tab, number: int = 1) -> None:
    """Waits until so many cards are drawn."""
    expect(tab.locator(".turn .timeline")).to_have_count(number)


def look(tab: Tab) -> tuple[float, bool, list[int]]:
    return tuple(tab.locator("video").evaluate(LOOK))


def is_red(pixel: list[int]) -> bool:
    return max(abs(one - other) for one, other in zip(pixel, RED, strict=True)) < 60


def first_red(tab: Tab):
    """The first chosen picture of the moment that is red: from 10 to 13 s."""
    return tab.locator(".frames a").filter(
        has=tab.locator('img[alt$="00:10"], img[alt$="00:11"], img[alt$="00:12"]')
    ).first  # fmt: skip


def test_a_film_is_found_and_asked_and_its_evidence_plays(tabs):
    tab = tabs()
    tab.get_by_role("searchbox", name="Find a film").fill("ASK")
    expect(tab.locator("#films li")).to_have_count(1)
    tab.get_by_role("link", name="ask.mp4").click()
    expect(tab.get_by_role("heading", level=1, name="ask.mp4")).to_be_visible()
    tab.evaluate(READ_ALONG)
    ask(tab, "When is it red?")
    answered(tab)
    expect(tab.get_by_role("textbox", name="Ask a follow-up")).to_be_focused()
    texts = [text for text in tab.evaluate("texts") if text]
    assert texts[-1] == "It is very red"
    assert all(texts[-1].startswith(text) for text in texts)
    assert len(set(texts)) > 1  # it was read while it was written
    expect(tab.get_by_role("status").filter(has_text="Answered: It is very")).to_have_count(1)
    expect(tab.get_by_text("The film is read.")).to_be_visible()
    link = first_red(tab)
    at = float(link.get_attribute("data-at"))
    link.click()
    seconds, was_playing, pixel = look(tab)
    assert was_playing
    assert at <= seconds + 0.01 < 13.0
    assert is_red(pixel)


def test_a_mark_on_the_curve_and_a_scene_play_too(tabs):
    tab = tabs(place_of("late"))
    # so slowly that the flash of .2 s does not pass before it is looked at
    tab.locator("video").evaluate("film => film.defaultPlaybackRate = film.playbackRate = 0.0625")
    scene = tab.get_by_role("button", name=re.compile("^Play from")).nth(5)
    scene.click()
    seconds, _, pixel = look(tab)
    # of 4 s, the middle of the sixth twelfth; pictures begin a second after the sound
    assert seconds == pytest.approx(1.0 + 4 * 5.5 / 12, abs=0.1)
    assert min(pixel) > 200
    expect(scene).to_have_class("now")
    ask(tab, "Is it grey?")
    answered(tab)
    mark = tab.locator(".pick").last
    shown = tab.locator(f'[id="{mark.get_attribute("href")[1:]}"]')
    mark.dispatch_event("click")
    expect(shown).to_have_class(re.compile("shown"))
    at = float(shown.locator("a[data-at]").get_attribute("data-at"))
    assert look(tab)[0] == pytest.approx(at, abs=0.1)
    assert at >= 1.0


def test_a_film_that_the_browser_does_not_play_has_a_preview(tabs):
    tab = tabs(place_of("hevc"))
    expect(tab.locator("video")).to_have_attribute("src", re.compile("^/preview/"))
    tab.get_by_role("button", name=re.compile("^Play from")).nth(6).click()
    seconds, was_playing, _ = look(tab)
    assert was_playing
    assert seconds >= 4 * 6.5 / 12 - 0.01


def test_follow_ups_stand_below_each_other_and_talks_come_back(tabs, server):
    tab = tabs(place_of("follow"))
    ask(tab, "Is it red?")
    answered(tab)
    expect(tab.get_by_text("Follows the answer above")).to_be_visible()
    ask(tab, "And is it blue?")
    answered(tab, 2)
    assert tab.locator(".turn h2").all_inner_texts() == ["Is it red?", "And is it blue?"]
    first, second = history(server, "follow")
    assert second["request"]["after"] == first["id"]
    tab.get_by_role("button", name="Start a new talk").click()
    expect(tab.locator(".turn")).to_have_count(0)
    ask(tab, "What is grey?")
    answered(tab)
    assert "after" not in history(server, "follow")[-1]["request"]
    tab.reload()
    answered(tab)
    tab.locator("summary", has_text="Is it red?").click()
    answered(tab, 3)
    forget = tab.locator("article", has_text="And is it blue?").get_by_role("button").last
    forget.click()
    expect(forget).to_have_text("Forget it for good")
    forget.click()
    expect(tab.get_by_role("heading", name="And is it blue?")).to_have_count(0)
    assert [one["request"]["question"] for one in history(server, "follow")] == [
        "Is it red?", "What is grey?",
    ]  # fmt: skip


def history(server, film: str) -> list[dict]:
    return server.get(f"/api/history?film={id_of(film + '.mp4')}").json()["records"]


def test_choices_and_settings_reach_the_model(tabs, server):
    tab = tabs(place_of("cancel"))
    tab.get_by_role("button", name="Settings").click()
    tab.get_by_label("Frames").fill("5")
    tab.get_by_label("To", exact=True).fill("0:30")
    tab.get_by_label("From", exact=True).fill("soon")
    tab.get_by_role("button", name="Done").click()
    expect(tab.get_by_role("dialog")).to_be_visible()  # "soon" is no time
    tab.get_by_label("From", exact=True).fill("5")
    tab.get_by_role("button", name="Done").click()
    expect(tab.get_by_role("dialog")).not_to_be_visible()
    expect(tab.locator("#chosen")).to_have_text(
        "Answered by colours, 5 frames, from 00:05, up to 00:30"
    )
    tab.get_by_text("Give choices").click()
    tab.get_by_label("One choice a line").fill("blue\n\nred")
    ask(tab, "Is it red?")
    answered(tab)
    expect(tab.locator(".options .chosen")).to_have_text(re.compile("red"))
    asked = history(server, "cancel")[-1]["request"]
    kept = {"num_frames": 5, "start_seconds": 5, "end_seconds": 30, "options": ["blue", "red"]}
    assert asked.items() >= kept.items()
    expect(tab.locator(".frames li")).to_have_count(5)


def test_a_job_is_cancelled_and_the_next_one_waits_for_it(tabs):
    tab = tabs(place_of("cancel"))
    ask(tab, "Tell slowly whether it is blue")
    turns = tab.locator(".turn")
    slow = turns.filter(has_text="slowly")
    expect(slow).to_contain_text("very very")
    ask(tab, "Is it blue?")
    expect(turns.last).to_contain_text("Waiting; it is the next one")
    slow.get_by_role("button", name=re.compile("^Cancel")).click()
    expect(slow).to_contain_text("Cancelled.")
    expect(slow.get_by_role("button", name="Ask again")).to_be_visible()
    expect(turns.last.locator(".timeline")).to_be_visible()


@pytest.fixture
def enough(settings):
    """The file that ends slow answers."""
    path = Path(settings["ENOUGH"])
    yield path
    path.unlink(missing_ok=True)


def test_a_job_goes_on_while_the_page_is_loaded_again(tabs, enough):
    tab = tabs(place_of("reload"))
    ask(tab, "Tell slowly whether it is red")
    expect(tab.locator(".turn")).to_contain_text("very very")
    tab.reload()
    expect(tab.locator(".turn progress")).to_have_count(1)
    expect(tab.locator(".turn")).to_contain_text("very very")
    enough.touch()
    answered(tab)
    expect(tab.locator(".turn .answer")).to_contain_text("red")


def test_two_tabs_tell_the_same(tabs):
    one, other = tabs(place_of("tabs")), tabs(place_of("tabs"))
    third = tabs(place_of("ask"))
    ask(one, "Tell slowly whether it is red")
    expect(other.locator(".turn")).to_contain_text("very very")
    expect(third.locator("#elsewhere")).to_contain_text("tabs.mp4: Answering")
    other.get_by_role("button", name=re.compile("^Cancel")).click()
    expect(one.locator(".turn")).to_contain_text("Cancelled.")
    one.get_by_role("button", name="Ask again").click()
    one.get_by_role("button", name=re.compile("^Cancel")).click()
    expect(one.locator(".turn")).to_have_count(1)
    expect(other.locator(".turn")).to_have_count(2)  # the one that made way goes when looked at
    other.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(other.locator(".turn")).to_have_count(1)


def test_clips_are_cut_and_can_be_saved(tabs):
    tab = tabs(place_of("clips"))
    ask(tab, "When is it red?")
    answered(tab)
    tab.get_by_role("button", name="Cut clips").click()
    links = tab.locator(".cuts a")
    expect(links.first).to_have_text("All in one file")
    with tab.expect_download() as saved:
        links.first.click()
    assert saved.value.suggested_filename == "clips.zip"
    assert saved.value.path().read_bytes()[:2] == b"PK"
    tab.reload()
    expect(tab.locator(".cuts a").first).to_be_visible()


def test_a_film_can_be_read_before_anything_is_asked(tabs, folder):
    write_colour_video(folder / "unread.mp4", duration=30)
    tab = tabs(place_of("unread"))
    tab.get_by_role("button", name="Read the film now").click()
    expect(tab.locator("#reading")).to_contain_text(re.compile(r"Read: \d+ frames, 0 passages"))


def test_a_film_is_brought_and_removed(tabs, colour_video):
    tab = tabs()
    tab.get_by_label("Bring a film").set_input_files(
        {"name": "brought.mp4", "mimeType": "video/mp4", "buffer": colour_video.read_bytes()}
    )
    expect(tab.get_by_role("heading", level=1, name="brought.mp4")).to_be_visible()
    tab.get_by_role("button", name="Remove this film").click()
    tab.get_by_role("button", name="Remove it for good").click()
    expect(tab.get_by_role("heading", name="Ask about a film")).to_be_visible()
    expect(tab.get_by_role("link", name="ask.mp4")).to_be_visible()
    expect(tab.get_by_role("link", name="brought.mp4")).to_have_count(0)


def test_refused_films_are_told(tabs, server):
    tabs.expected.append("415")
    tab = tabs()
    bring = tab.get_by_label("Bring a film")
    bring.set_input_files({"name": "big.mp4", "mimeType": "", "buffer": bytes(3_000_000)})
    expect(tab.locator(".upload")).to_contain_text("big.mp4 has 3.0 MB; 2.0 MB is the most")
    tab.get_by_role("button", name="Close").click()
    bring.set_input_files({"name": "no.mp4", "mimeType": "", "buffer": b"not a film" * 999})
    expect(tab.locator(".upload.refused")).to_contain_text("no.mp4")
    names = [one["name"] for one in server.get("/api/films").json()["films"]]
    assert not {"no.mp4", "big.mp4"} & set(names)


def test_an_upload_can_be_cancelled(tabs, server):
    tab = tabs()
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 20_000}
    tabs.context.new_cdp_session(tab).send("Network.emulateNetworkConditions", slow)
    tab.get_by_label("Bring a film").set_input_files(
        {"name": "slow.mp4", "mimeType": "", "buffer": bytes(1_900_000)}
    )
    tab.get_by_role("button", name="Cancel").click()
    expect(tab.locator(".upload")).to_contain_text("slow.mp4: cancelled")


def test_all_of_it_by_keys_alone(tabs):
    tab = tabs()
    expect(tab.get_by_role("link", name="keys.mp4")).to_be_visible()
    tab_to(tab, "keys.mp4")
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("textbox", name="Ask about this film")).to_be_focused()
    tab.keyboard.type("When is it red?")
    tab.keyboard.press("Enter")
    answered(tab)
    expect(tab.get_by_role("textbox", name="Ask a follow-up")).to_be_focused()
    tab.keyboard.press("Shift+Tab")  # "Start a new talk", then "Forget" and "Cut clips"
    tab_to(tab, "Cut clips", "Shift+Tab")
    tab.keyboard.press("Shift+Tab")  # the last of the pictures
    assert tab.locator(":focus").get_attribute("data-at")
    tab.keyboard.press("Enter")
    assert look(tab)[0] > 0
    tab_to(tab, "Settings", "Shift+Tab")
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("dialog", name="Settings")).to_be_visible()
    tab.keyboard.press("Escape")
    expect(tab.get_by_role("dialog")).not_to_be_visible()
    expect(tab.get_by_role("button", name="Settings")).to_be_focused()


def tab_to(tab: Tab, text: str, key: str = "Tab") -> None:
    """Goes on until what has this text has the focus; there are not a hundred things to pass."""
    for _ in range(100):
        tab.keyboard.press(key)
        if text in tab.evaluate("document.activeElement.textContent"):
            return
    raise AssertionError(f"{text} is not reached by {key}")


@pytest.mark.slow
def test_a_server_that_is_killed_comes_back(tabs, folder, settings, enough, tmp_path):
    tabs.expected += ["ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_EMPTY"]
    state = tmp_path / "state"
    with running(folder, state, **settings) as first:
        tab = tabs(place_of("killed"), first.local)
        ask(tab, "Tell slowly whether it is red")
        expect(tab.locator(".turn")).to_contain_text("very very")
        first.process.send_signal(signal.SIGKILL)
        expect(tab.get_by_role("alert").first).to_contain_text("The server does not answer")
    enough.touch()
    with running(folder, state, "--port", first.port, **settings) as second:
        expect(tab.locator(".turn")).to_contain_text("The server stopped before this was done.")
        expect(tab.locator("#away")).not_to_be_visible()
        tab.get_by_role("button", name="Ask again").click()
        answered(tab)
        assert [one["state"] for one in history(second, "killed")] == ["done"]
        second.stopped()


def each_look(tab: Tab):
    """Wide and narrow, light and dark."""
    for size in (WIDE, NARROW):
        for theme in ("light", "dark"):
            tab.set_viewport_size(size)
            tab.emulate_media(color_scheme=theme)
            yield f"{size['width']} px, {theme}"


def check_looks(tab: Tab) -> None:
    for name in each_look(tab):
        found = Axe().run(tab)
        assert found.violations_count == 0, f"{name}: {found.generate_report()}"
        wide, room = tab.evaluate("(e => [e.scrollWidth, e.clientWidth])(document.documentElement)")
        assert wide <= room, name


@pytest.mark.slow
def test_everybody_can_use_it_at_any_size_by_day_and_night(tabs):
    tab = tabs()
    expect(tab.get_by_role("link", name="axe.mp4")).to_be_visible()
    check_looks(tab)
    tab.goto(tab.url + place_of("axe")[1:])
    ask(tab, "When is it red?")
    answered(tab)
    check_looks(tab)
    tab.get_by_role("button", name="Settings").click()
    check_looks(tab)
    tab.keyboard.press("Escape")
    ask(tab, "Tell slowly whether it is blue")
    expect(tab.locator(".turn").last).to_contain_text("very very")
    check_looks(tab)
    tab.get_by_role("button", name=re.compile("^Cancel")).click()
