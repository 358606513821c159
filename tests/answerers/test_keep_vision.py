"""What a model sees of a film is kept in its index: the same answers, and nothing seen twice."""

import json

import pytest

import ntlbg
from ntlbg.answerers.transformers import load_transformers_answerer
from ntlbg.errors import ConfigError
from ntlbg.generation import Generation
from ntlbg.index import kept
from ntlbg.index.store import FeatureIndex
from ntlbg.question import parse_question
from ntlbg.types import Answer
from tiny_vlms import Colours, drawn, make_vlm, shown

KINDS = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl")
EVERY_KIND = pytest.mark.parametrize("kind", KINDS)
EVERY_WAY = pytest.mark.parametrize(
    "way", [{}, {"frames_as": "video"}, {"frames_as": "video", "layout": "pairs"}],
    ids=["images", "twice", "pairs"],
)  # fmt: skip
OPTIONS = ["a red car", "a dog", "no"]


class Asking:
    """Asks about one film, and counts how often the tower looks.

    Each time the model is loaded anew, as by a command: nothing is remembered but in the index.
    """

    def __init__(self, film, folder):
        self.film, self.folder, self.looks = film, folder, 0

    def __call__(self, model, question, options=None, **changes) -> Answer:
        answerer = load_transformers_answerer(str(model), changes)
        answerer.model.model.visual.register_forward_hook(self._looked)
        self.looks = 0
        return ntlbg.ask(
            self.film, question, options=options, model=answerer, encoder=Colours(),
            index=FeatureIndex(self.folder), fps=4.0, num_frames=6, selector="uniform",
            generation=Generation(max_new_tokens=4) if options is None else Generation(),
        )  # fmt: skip

    def _looked(self, *_) -> None:
        self.looks += 1

    @property
    def files(self) -> list:
        return sorted(self.folder.glob("kept/*/*.safetensors"))


@pytest.fixture
def asking(colour_video, tmp_path):
    return Asking(colour_video, tmp_path / "index")


def said(answer: Answer) -> tuple:
    return answer.text, answer.option_scores, answer.usage["visual_tokens"], answer.notes


@EVERY_KIND
@EVERY_WAY
def test_a_second_question_is_answered_the_same_to_the_bit_without_the_tower(
    asking, vlm_folders, kind, way
):
    model = vlm_folders[kind]
    plain = [
        said(asking(model, "Is it red?", **way)),
        said(asking(model, "Which?", OPTIONS, **way)),
    ]
    assert not asking.files
    first = asking(model, "Is it red?", keep_vision=True, **way)
    looked = asking.looks
    assert 0 < looked == len(asking.files) <= 6
    second = asking(model, "Which?", OPTIONS, keep_vision=True, **way)
    assert asking.looks == 0
    assert [said(first), said(second)] == plain
    assert said(asking(model, "Is it red?", keep_vision=True, **way)) == plain[0]
    assert asking.looks == 0


def test_pictures_and_a_video_share_what_is_kept(asking, vlm_folders):
    """Qwen3-VL reads the same either way, so that nothing is seen anew."""
    model = vlm_folders["qwen3_vl"]
    asking(model, "Is it red?", keep_vision=True)
    asking(model, "Is it red?", keep_vision=True, frames_as="video")
    assert asking.looks == 0


@pytest.mark.parametrize(
    "change", [{"dtype": "bfloat16"}, {"attn_implementation": "eager"}, {}], ids=str
)
def test_other_numbers_and_other_models_see_for_themselves(asking, vlm_folders, change, tmp_path):
    asking(vlm_folders["qwen2_5_vl"], "Is it red?", keep_vision=True)
    first = asking.files
    other = vlm_folders["qwen2_5_vl"]
    if not change:
        other = make_vlm("qwen2_5_vl", tmp_path / "other", seed=1)
    found = asking(other, "Is it red?", keep_vision=True, **change)
    assert asking.looks == len(first)
    assert len(asking.files) == 2 * len(first)
    assert said(found) == said(asking(other, "Is it red?", **change))


def test_damaged_files_and_those_of_other_pictures_are_made_anew(asking, vlm_folders):
    model = vlm_folders["qwen2_5_vl"]
    expected = said(asking(model, "Is it red?", keep_vision=True))
    content = {file: file.read_bytes() for file in asking.files}
    cut, foreign, other, *_ = asking.files
    cut.write_bytes(content[cut][:-100])
    foreign.write_bytes(content[other])
    assert said(asking(model, "Is it red?", keep_vision=True)) == expected
    assert asking.looks == 2
    assert {file: file.read_bytes() for file in asking.files} == content


def test_all_of_it_lies_in_the_index_and_goes_with_it(asking, vlm_folders, tmp_path):
    before = set(tmp_path.rglob("*"))
    asking(vlm_folders["qwen2_5_vl"], "Is it red?", keep_vision=True)
    made = [path for path in set(tmp_path.rglob("*")) - before if path.is_file()]
    assert all(path.is_relative_to(asking.folder) for path in made)


def test_it_is_bounded_and_the_answer_is_the_same(asking, vlm_folders, monkeypatch):
    model = vlm_folders["qwen2_5_vl"]
    expected = said(asking(model, "Is it red?", keep_vision=True))
    sizes = [file.stat().st_size for file in asking.files]
    for file in asking.files:
        file.unlink()
    monkeypatch.setattr(kept, "MOST_BYTES", sum(sizes) - 1)
    assert said(asking(model, "Is it red?", keep_vision=True)) == expected
    left = len(asking.files)
    assert 0 < left < len(sizes)
    assert said(asking(model, "Is it red?", keep_vision=True)) == expected
    assert asking.looks == len(sizes) - left


def test_keeping_changes_no_name_of_the_model(vlm_folders):
    folder = str(vlm_folders["qwen2_vl"])
    one, other = (load_transformers_answerer(folder, {"keep_vision": no}) for no in (True, False))
    assert one.fingerprint == other.fingerprint


def test_nothing_is_kept_where_no_film_is_known(vlm_folders):
    answerer = load_transformers_answerer(str(vlm_folders["qwen2_vl"]), {"keep_vision": True})
    with pytest.raises(ConfigError, match=r"no folder of it was given; ask with ntlbg\.ask"):
        answerer.answer(parse_question("What?"), shown(drawn(1), [0.0]))


@pytest.mark.parametrize("family", ["smolvlm", "llava_onevision", "internvl"])
def test_others_are_refused_in_one_line(vlm_folders, colour_video, run, family):
    done = run("ask", colour_video, "Is it red?", "--model", vlm_folders[family],
               "--model-option", "keep_vision=true")  # fmt: skip
    assert done.exit_code == 2
    assert done.stderr.startswith("error: keep_vision=true: what a model of type")
    assert done.stderr.count("\n") == 1


def test_ask_by_the_command(vlm_folders, colour_video, run, tmp_path):
    def asked(*options):
        done = run("ask", colour_video, "Is it red?", "--model", vlm_folders["qwen2_5_vl"],
                   "--frames-as", "video", "--frames", "3", "--option", "yes", "--option", "no",
                   "--json", *options)  # fmt: skip
        assert done.exit_code == 0, done.output
        answer = json.loads(done.stdout)
        del answer["usage"]["seconds"]
        return answer | {"usage": answer["usage"] | {"pictures_decoded": None}}

    plain = asked()
    assert not list(tmp_path.glob("index/kept/*/*"))
    assert asked("--model-option", "keep_vision=true") == plain
    assert len(list(tmp_path.glob("index/kept/*/*.safetensors"))) == 3
    assert asked("--model-option", "keep_vision=true") == plain
