"""Only what lies in the folders can be named, whatever it is called and wherever links lead."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntlbg.errors import ConfigError, VideoNotFound
from ntlbg.serve.roots import MOST_TOLD, Roots


@pytest.fixture
def place(tmp_path):
    """Folders `in`, with films, and `out`, which nobody may read."""
    for name in ("in/deep", "out", "in/.hidden"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("in/film.mp4", "in/deep/other.mkv", "in/notes.txt", "out/secret.mp4",
                 "in/.hidden/secret.mp4"):  # fmt: skip
        (tmp_path / name).write_text(name)
    return tmp_path


def test_names_within_are_found(place):
    roots = Roots([place / "in"])
    film = place / "in" / "film.mp4"
    for name in ("film.mp4", "./film.mp4", "deep/../film.mp4", str(film)):
        assert roots.find(name) == film
    assert roots.find("deep/other.mkv") == place / "in/deep/other.mkv"


def test_a_link_within_is_followed_to_where_it_leads(place):
    (place / "in/link.mp4").symlink_to("deep/other.mkv")
    assert Roots([place / "in"]).find("link.mp4") == place / "in/deep/other.mkv"


def test_a_folder_may_be_a_link_itself(place):
    (place / "link").symlink_to("in")
    roots = Roots([place / "link"])
    assert roots.find("film.mp4") == place / "in/film.mp4"
    assert roots.find(str(place / "link/film.mp4")) == place / "in/film.mp4"


@pytest.mark.parametrize(
    "name",
    [
        "../out/secret.mp4", "deep/../../out/secret.mp4", "..", "/", "/etc/passwd",
        "{}/out/secret.mp4", "file.mp4", "folder/secret.mp4", "far.mp4",
        "a\0b", "film.mp4\0", "x" * 5000, "x/" * 3000,
        "\ud800.mp4", "../in-too/film.mp4", "~/film.mp4", "file://{}/out/secret.mp4",
    ],
)  # fmt: skip
def test_others_are_refused(place, name):
    (place / "in/file.mp4").symlink_to("../out/secret.mp4")
    (place / "in/folder").symlink_to(place / "out")
    (place / "in/far.mp4").symlink_to("file.mp4")  # by way of another link
    (place / "in-too").mkdir()
    (place / "in-too/film.mp4").write_text("its name only begins like that of the folder")
    with pytest.raises(VideoNotFound, match="videos that can be named: "):
        Roots([place / "in"]).find(name.format(place))


@pytest.mark.parametrize("name", ["none.mp4", "film.mp4/deeper", "x" * 300, "loop.mp4"])
def test_what_is_not_there_is_told(place, name):
    (place / "in/loop.mp4").symlink_to("loop.mp4")
    with pytest.raises(VideoNotFound, match=r"^no video '.*film\.mp4"):
        Roots([place / "in"]).find(name)


@pytest.mark.parametrize("name", ["", " ", "\n"])
def test_no_name_is_no_name(place, name):
    with pytest.raises(VideoNotFound, match="no video was named"):
        Roots([place / "in"]).find(name)


def test_whether_something_is_there_outside_is_not_told(place):
    said = []
    for name in ("secret.mp4", "absent.mp4"):
        with pytest.raises(VideoNotFound) as told:
            Roots([place / "in"]).find(f"../out/{name}")
        said.append(str(told.value).replace(name, "X"))
    assert said[0] == said[1]
    assert len(said[0]) < 1000


@given(
    st.lists(
        st.sampled_from(["..", ".", "in", "out", "deep", "link", "film.mp4", "secret.mp4", ""]),
        max_size=8,
    ).map("/".join)
)
def test_nothing_outside_is_ever_found(tmp_path_factory, name):
    place = tmp_path_factory.getbasetemp() / "walk"
    if not place.exists():
        for inner in ("in/deep", "out"):
            (place / inner).mkdir(parents=True)
        (place / "out/secret.mp4").write_text("")
        (place / "in/film.mp4").write_text("")
        (place / "in/link").symlink_to("../out")
    try:
        found = Roots([place / "in"]).find(name)
    except VideoNotFound:
        return
    inside = os.path.realpath(place / "in")
    assert os.path.commonpath([inside, os.path.realpath(found)]) == inside


def test_films_are_listed_without_what_is_hidden_or_outside(place):
    (place / "in/link.mp4").symlink_to("../out/secret.mp4")
    assert Roots([place / "in"]).films() == (["film.mp4", "deep/other.mkv"], True)


def test_of_several_folders_names_are_whole(place):
    (place / "more").mkdir()
    (place / "more/film.mp4").write_text("another")
    roots = Roots([place / "in", place / "more", place / "in"])
    names, is_all = roots.films()
    assert is_all
    assert names == [str(place / name) for name in ("in/film.mp4", "in/deep/other.mkv",
                                                    "more/film.mp4")]  # fmt: skip
    assert [roots.find(name) for name in names] == list(map(Path, names))
    assert roots.find("film.mp4") == place / "in/film.mp4"


def test_many_films_are_cut(place):
    for number in range(MOST_TOLD + 5):
        (place / f"in/deep/{number:04d}.mp4").write_text("")
    names, is_all = Roots([place / "in"]).films()
    assert (len(names), is_all) == (MOST_TOLD, False)


def test_an_empty_folder_is_said_to_be(tmp_path):
    with pytest.raises(VideoNotFound, match="no videos are in"):
        Roots([tmp_path]).find("film.mp4")


@pytest.mark.parametrize("folders", [[], ["none"], ["in/film.mp4"]])
def test_folders_have_to_be_there(place, folders):
    with pytest.raises(ConfigError, match="give one"):
        Roots([place / name for name in folders])
