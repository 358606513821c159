"""Which recipe a file is for, and what is put into its settings."""

import json
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ntlbg import plugins
from ntlbg.cli import app
from ntlbg.config import Config
from ntlbg.errors import ConfigError
from ntlbg.train import recipes
from ntlbg.train.recipes import load_recipe

CONFIGS = Path(__file__).parents[2] / "configs"
SHIPPED = {
    "quickstart": "ntlbg",
    "longvideo_config": "ntlbg",
    "long": "ntlbg",
    "builtin": "builtin",
    "longvu_image": "longvu",
    "longvu_video": "longvu",
}


@pytest.mark.parametrize("name", SHIPPED)
@pytest.mark.parametrize("says_so", [True, False])
def test_every_shipped_file_has_a_recipe_also_as_it_was_before_they_said_which(
    name, says_so, tmp_path
):
    content = json.loads((CONFIGS / f"{name}.json").read_text())
    assert content.pop("recipe") == SHIPPED[name]
    if says_so:
        content |= {"recipe": SHIPPED[name]}
    elif name.startswith("longvu"):
        content |= {"model_type": "longvu"}
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(content))
    recipe = load_recipe(path)
    assert recipe.settings.recipe == SHIPPED[name]
    assert type(recipe) is recipes.find_recipe(SHIPPED[name], "")
    assert recipe.asked()["output_dir"] == content["output_dir"]


@pytest.mark.parametrize("name", ["quickstart", "builtin", "longvu_video"])
def test_seed_keys_and_debug_are_put_into_any_file(name):
    path = CONFIGS / f"{name}.json"
    plain = load_recipe(path)
    assert plain.seed == 0
    assert load_recipe(path, seed=7).seed == 7
    other = load_recipe(path, ["output_dir=elsewhere", f"{plain.seed_key}=3"], debug=True)
    assert (other.seed, str(other.settings.output_dir)) == (3, "elsewhere-debug")
    with pytest.raises(ConfigError, match=r"json with --set: colour: there is no such key"):
        load_recipe(path, ["colour=red"])


def test_a_debug_run_is_small():
    longvu = load_recipe(CONFIGS / "longvu_video.json", debug=True).settings
    assert (longvu.max_steps, longvu.data.max_frames, longvu.total_batch_size) == (3, 8, 1)
    builtin = load_recipe(CONFIGS / "builtin.json", debug=True).settings
    assert [stage.steps for stage in builtin.stages] == [2] * 4
    assert builtin.kept_frames is None


def test_options_of_other_recipes_are_refused():
    with pytest.raises(ConfigError, match=r"--stage joint: .*video\.json is for the recipe longvu"):
        load_recipe(CONFIGS / "longvu_video.json", stage="joint")
    with pytest.raises(ConfigError, match="--weights here: settings is for the recipe builtin"):
        load_recipe(load_recipe(CONFIGS / "builtin.json").settings, weights="here")
    assert load_recipe(CONFIGS / "builtin.json", stage="reading").only == "reading"
    with pytest.raises(ConfigError, match="unknown stage 'joint'; there are vision, vision-again"):
        load_recipe(CONFIGS / "builtin.json", stage="joint")
    assert load_recipe(Config(), weights="here").weights == "here"


def test_a_recipe_may_come_from_another_package(monkeypatch, tmp_path):
    point = EntryPoint("other", "ntlbg.train.recipes.ntlbg:NtlbgRecipe", plugins.RECIPES)
    found = {plugins.RECIPES: {"other": point}}
    monkeypatch.setattr(plugins, "additions", lambda group: found[group])
    assert recipes.find_recipe("other", "") is recipes.find_recipe("ntlbg", "")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"recipe": "opt"}', "mine.json: recipe: got 'opt'; there are builtin, longvu, ntlbg"),
        ('{"recipe": ["ntlbg"]}', "mine.json: recipe: got ['ntlbg']; there are"),
        ('{"model_type": "opt"}', "model_type: got 'opt'; input should be 'longvu'"),
        ('{"recipe": "builtin"}', "mine.json: backgrounds: this key must be given"),
        ("[]", "mine.json: got []; "),
        ("{", "mine.json:1: not JSON"),
        (None, "mine.json: no such file"),
    ],
)
def test_a_file_that_is_for_none_is_told_in_one_line(content, message, tmp_path):
    path = tmp_path / "mine.json"
    if content is not None:
        path.write_text(content)
    done = CliRunner().invoke(app, ["train", str(path)])
    assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1), done.output
    assert message in done.stderr


def test_one_file_is_trained_by():
    for given in ([], ["a.json", "--config", "b.json"]):
        done = CliRunner().invoke(app, ["train", *given])
        assert done.exit_code == 2
        assert "give one configuration file" in done.stderr
