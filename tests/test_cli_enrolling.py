"""``ntlbg enrol``: teaches, lists and forgets; every mistake ends in one line."""

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from fakes import ColourEncoder
from ntlbg.cli import app
from ntlbg.encoders import builtin
from ntlbg.models.builtin.enrolment import load_objects


class TallColourEncoder(ColourEncoder):
    """Frames as large as those that backgrounds can be drawn on."""

    image_size, weights = (64, 112), "w1"


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.setenv("NTLBG_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(builtin, "load_builtin_encoder", TallColourEncoder)

    def invoke(*arguments):
        return CliRunner().invoke(app, ["enrol", *map(str, arguments)])

    return invoke


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "red.png"
    Image.fromarray(np.full((40, 40, 4), (220, 30, 30, 255), np.uint8)).save(path)
    return path


def test_enrol_list_and_remove(run, picture):
    assert run("red blob", picture, picture).stdout == (
        "enrolled red blob from 2 pictures; ask about it by this name\n"
    )
    [thing] = load_objects()
    assert (thing.name, thing.fingerprint, thing.prototypes.shape) == ("red blob", "w1", (2, 4))
    assert run("--list").stdout == "red blob: 2 pictures\n"
    assert run("--remove", "red blob").stdout == "removed red blob\n"
    listed = run("--list")
    assert (listed.stdout, listed.exit_code) == ("", 0)
    assert "nothing is enrolled" in listed.stderr


def test_a_photo_without_a_cut_out_comes_with_a_note(run, picture, tmp_path):
    """Its background is learned with it."""
    cut_out = tmp_path / "cut.png"
    pixels = np.full((40, 40, 4), (220, 30, 30, 255), np.uint8)
    pixels[:20, :20] = 0
    Image.fromarray(pixels).save(cut_out)
    photo, both, cut = (run("blob", *given) for given in ([picture], [picture, cut_out], [cut_out]))
    assert photo.exit_code == both.exit_code == cut.exit_code == 0
    assert "no picture has a transparent ground" in photo.stderr
    assert both.stderr == cut.stderr == ""
    assert "enrolled blob from 1 picture" in photo.stdout
    assert "enrolled blob from 1 picture" in cut.stdout


def test_json(run, picture):
    said = json.loads(run("blob", picture, "--json").stdout)
    assert said["name"] == "blob"
    assert said["pictures"] == 1
    assert said["file"].endswith("blob.safetensors")
    assert json.loads(run("--list", "--json").stdout) == {
        "objects": [{"name": "blob", "pictures": 1}]
    }
    assert json.loads(run("--remove", "blob", "--json").stdout) == {"removed": "blob"}


def test_an_object_of_the_same_name_is_replaced_and_that_is_said(run, picture):
    told = [json.loads(run("Blob", picture, "--json").stdout)["replaced"] for _ in range(2)]
    assert told == [False, True]
    assert (
        "from 1 picture, in the place of the one of this name; ask" in run("blob", picture).stdout
    )


@pytest.mark.parametrize("content", [None, b"no picture"])
def test_pictures_are_looked_at_before_the_model_is_loaded(run, tmp_path, monkeypatch, content):
    file = tmp_path / "cat.png"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setattr(builtin, "load_builtin_encoder", lambda: pytest.fail("the work began"))
    done = run("cat", file)
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert f"error: {file}: " in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give a name and pictures"),
        (["blob", "--list"], "give a name and pictures"),
        (["blob"], "no pictures of 'blob'"),
        (["one two three four", "x.png"], "one to three words"),
        (["blob", "missing.png"], "missing.png: No such file"),
        (["--remove", "blob"], "no object 'blob' is enrolled"),
    ],
)
def test_mistakes_end_in_one_line(run, arguments, message):
    done = run(*arguments)
    assert done.exit_code == 2
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert load_objects() == []
