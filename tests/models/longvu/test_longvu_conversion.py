"""Published checkpoints -> ours: every name, every shape, and the same answers."""

import json
import math

import pytest
import torch
from safetensors.torch import save_file
from transformers import (
    AutoConfig,
    AutoModelForImageTextToText,
    AutoProcessor,
    Dinov2Config,
    SiglipVisionConfig,
)
from typer.testing import CliRunner

from golden_longvu import Case, cases, close
from longvu_models import golden_configs, golden_inputs, tiny_longvu_processor
from ntlbg.cli import app
from ntlbg.errors import ConfigError, WeightsError
from ntlbg.models import LongVUConfig, LongVUForConditionalGeneration, LongVUProcessor
from ntlbg.models.longvu import checkpoints as checkpoints_longvu
from ntlbg.models.longvu.checkpoints import convert, read_tensors
from ntlbg.models.longvu.convert_longvu_weights_to_hf import (
    NEEDED,
    convert_config,
    convert_dinov2,
    convert_state_dict,
    rename,
)
from ntlbg.models.longvu.vision import resample_positions
from published_longvu import TOWER_NAMES, published_folder


@pytest.mark.parametrize("family", ["qwen", "llama"])
@pytest.mark.parametrize("pickled", [False, True])
def test_converted_folders_give_the_published_logits(tmp_path, family, pickled):
    source = published_folder(tmp_path / "source", family, pickled=pickled)
    tiny_longvu_processor().tokenizer.save_pretrained(source)
    done = convert(source, tmp_path / "ours")
    assert done.unused == []
    model = AutoModelForImageTextToText.from_pretrained(tmp_path / "ours").eval()
    assert type(model) is LongVUForConditionalGeneration
    assert type(AutoProcessor.from_pretrained(tmp_path / "ours")) is LongVUProcessor
    (entry,) = [p.values[0] for p in cases("e2e") if "mix_n6" in p.id and family in p.id]
    case = Case(entry)
    with torch.no_grad():
        logits = model(**golden_inputs(case), logits_to_keep=4).logits
    close(logits, case.tensors["logits_last4"])


def test_the_command_says_what_was_not_used(tmp_path):
    extra = {"model.vision_sampler_layers.0.norm.weight": torch.zeros(3)}
    source = published_folder(tmp_path / "source", "llama", extra=extra.items())
    towers = [f"--{kind}={source / kind}" for kind in TOWER_NAMES]
    command = ["convert", "longvu", str(source), str(tmp_path / "ours"), *towers]
    shown = CliRunner().invoke(app, command)
    assert shown.exit_code == 0, shown.output
    assert "not used: model.vision_sampler_layers.0.norm.weight" in shown.output
    shown = CliRunner().invoke(app, [*command, "--json"])
    assert json.loads(shown.stdout)["unused"] == list(extra)
    shown = CliRunner().invoke(app, ["convert", "longvu", str(tmp_path), str(tmp_path / "no")])
    assert shown.exit_code == 2
    assert "no config.json and no" in shown.output
    assert not (tmp_path / "no").exists()


def test_an_image_stage_checkpoint_has_no_positions(tmp_path):
    stage = {"highres": False, "image_token_len": 576, "query_num_list": [576]}
    source = published_folder(tmp_path / "source", "qwen", **stage)
    done = convert(source, tmp_path / "ours")
    assert done.unused
    assert all("pos_embed" in name for name in done.unused)


# ------------------------------------------------------------------------------- full size


@pytest.mark.slow
@pytest.mark.parametrize("rows", [0, -418], ids=["as-published", "resized-vocabulary"])
@pytest.mark.parametrize("entry", cases("state_dict"))
def test_full_size_names_and_shapes(entry, rows):
    case = Case(entry)
    shapes = {name: list(shape) for name, shape in case["keys"].items()}
    for name in ("lm_head.weight", "model.embed_tokens.weight"):
        if name in shapes:
            shapes[name][0] += rows
    vocabulary = shapes["model.embed_tokens.weight"][0]
    family = "cambrian_llama" if "llama" in case["case"] else "cambrian_qwen"
    published = {
        **golden_configs()["qwen"],
        **case["llm"],
        **case["multimodal"],
        "vocab_size": vocabulary,
        "model_type": family,
        "vision_hidden_size": shapes["model.vision_query"][1],
        "hidden_act": "silu",
    }
    with torch.device("meta"):
        config = convert_config(published, *full_size_towers())
        model = LongVUForConditionalGeneration(config)
        tensors = {name: torch.empty(shape) for name, shape in shapes.items()}
    ours = model.state_dict()
    done = convert_state_dict(tensors.items(), ours)
    assert done.unused == []
    found = {name: tensor.shape for name, tensor in done.state_dict.items()}
    towers = ("vision_model.siglip_tower.", "vision_model.dinov2_tower.")
    expected = {n: t.shape for n, t in ours.items() if not n.startswith(towers)}
    if config.tie_word_embeddings:
        found.setdefault("language_model.lm_head.weight", expected["language_model.lm_head.weight"])
    assert found == expected


def full_size_towers():
    default = LongVUConfig()
    return default.siglip_config, default.dinov2_config


def test_every_name_of_the_map_is_unambiguous():
    for entry in cases("state_dict"):
        names = Case(entry.values[0])["keys"]
        ours = [rename(name) for name in names]
        assert None not in ours
        assert len(set(ours)) == len(names)


# ------------------------------------------------------------------------------- positions


def test_positions_are_resampled_with_the_old_offset():
    """A row of patches by Keys' cubic with a = -0.75, read at (i + 0.5) * 37 / 27.1 - 0.5."""
    values = torch.rand(37, generator=torch.Generator().manual_seed(0))
    table = torch.cat([torch.tensor([99.0]), values.repeat(37)]).view(1, -1, 1)
    found = resample_positions(table, 27)
    expected = [_cubic(values.tolist(), (i + 0.5) * 37 / 27.1 - 0.5) for i in range(27)]
    assert found[0, 0, 0] == 99
    torch.testing.assert_close(found[0, 1:, 0].view(27, 27)[5], torch.tensor(expected))
    assert resample_positions(found, 27) is found


def _cubic(values: list[float], place: float, a: float = -0.75) -> float:
    total = 0.0
    for index in range(math.floor(place) - 1, math.floor(place) + 3):
        x = abs(place - index)
        near = (a + 2) * x**3 - (a + 3) * x**2 + 1
        far = a * (x**3 - 5 * x**2 + 8 * x - 4)
        total += values[min(max(index, 0), len(values) - 1)] * (near if x <= 1 else far)
    return total


def test_new_names_of_the_towers_are_read_as_well(tmp_path):
    source = published_folder(tmp_path / "source", "llama")
    convert(source, tmp_path / "ours")
    model = LongVUForConditionalGeneration.from_pretrained(tmp_path / "ours")
    for kind in TOWER_NAMES:
        tower = getattr(model.vision_model, f"{kind}_tower")
        save_file(dict(tower.state_dict()), source / kind / "model.safetensors")
    convert(source, tmp_path / "again")
    again = LongVUForConditionalGeneration.from_pretrained(tmp_path / "again")
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name


def test_unused_parts_of_dinov2_are_named():
    done = convert_dinov2([("embeddings.mask_token", torch.zeros(1)), ("classifier.weight", 0)])
    assert done.unused == ["embeddings.mask_token", "classifier.weight"]


# ------------------------------------------------------------------------------- refusals


def test_a_missing_tower_is_asked_for(tmp_path):
    source = published_folder(tmp_path / "source", "qwen")
    (source / "siglip").rename(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="name a folder or a hub model, such as google/siglip"):
        convert(source, tmp_path / "ours")
    convert(source, tmp_path / "ours", siglip=tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match="neither a folder nor a hub model"):
        convert(source, tmp_path / "ours", siglip="no/such/model")


def test_missing_weights_are_named(tmp_path):
    source = published_folder(tmp_path / "source", "qwen", connector_depth=4)
    with pytest.raises(WeightsError, match=r"weights are missing, 'vision_model.aggregator.layers"):
        convert(source, tmp_path / "ours")
    source = published_folder(tmp_path / "wide", "qwen", intermediate_size=80)
    with pytest.raises(WeightsError, match="has shape"):
        convert(source, tmp_path / "ours")


def test_damaged_or_missing_files(tmp_path):
    source = published_folder(tmp_path / "source", "qwen")
    (source / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(WeightsError, match="cannot be read as weights"):
        convert(source, tmp_path / "ours")
    (source / "siglip/model.safetensors").rename(source / "model.safetensors")
    with pytest.raises(WeightsError, match=r"siglip: no \*.safetensors and no pytorch_model"):
        list(read_tensors(source / "siglip"))


def test_the_source_is_looked_at_before_any_tower_is_fetched(tmp_path, monkeypatch):
    fetched = []
    monkeypatch.setattr(checkpoints_longvu, "snapshot_download", lambda *a, **k: fetched.append(a))
    monkeypatch.setattr(AutoConfig, "from_pretrained", lambda *a: pytest.fail("a tower was read"))
    source, hub = tmp_path / "source", {"siglip": "google/siglip", "dinov2": "facebook/dinov2"}
    weights = r"\*\.safetensors or pytorch_model\*\.bin"

    def refused(message):
        with pytest.raises(ConfigError, match=message):
            convert(source, tmp_path / "ours", **hub)
        assert not fetched
        assert not (tmp_path / "ours").exists()

    refused("source: no such folder; download")
    source.mkdir()
    refused(rf"source: no config\.json and no {weights} in there")
    (source / "config.json").write_text("{")
    refused(f"source: no {weights} in there")
    save_file({"x": torch.ones(1)}, source / "model.safetensors")
    for content, message in (
        ("{", r"config\.json:1: not JSON"),
        ("[]", r"config\.json: holds no settings"),
        ('{"model_type": "opt"}', "must name qwen or llama"),
        ('{"model_type": "qwen2"}', "is it a LongVU one"),
    ):
        (source / "config.json").write_text(content)
        refused(message)
    (source / "config.json").unlink()
    refused(r"source: no config\.json in there")


@pytest.mark.parametrize("content", [None, "{", '{"model_type": "never heard of"}', "{}"])
@pytest.mark.parametrize("kind", TOWER_NAMES)
def test_a_tower_without_a_configuration_is_named(tmp_path, kind, content):
    source = published_folder(tmp_path / "source", "qwen")
    (source / kind / "config.json").unlink()
    if content is not None:
        (source / kind / "config.json").write_text(content)
    with pytest.raises(ConfigError, match=f"{source / kind}: no configuration of a vision tower"):
        convert(source, tmp_path / "ours")


@pytest.mark.parametrize("name", ["tokenizer_config.json", "generation_config.json"])
def test_damaged_companions_are_not_blamed_on_the_destination(tmp_path, name):
    source = published_folder(tmp_path / "source", "qwen")
    (source / name).write_text("{")
    with pytest.raises(ConfigError, match=f"{source}: its tokenizer or generation settings"):
        convert(source, tmp_path / "ours")
    assert not (tmp_path / "ours").exists()


def test_a_pickle_that_is_more_than_tensors_is_refused(tmp_path):
    source = published_folder(tmp_path / "source", "qwen")
    (source / "model.safetensors").unlink()
    torch.save({"model.norm.weight": Case}, source / "pytorch_model.bin")
    with pytest.raises(WeightsError, match="cannot be read as weights"):
        convert(source, tmp_path / "ours")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model_type": "opt"}, "must name qwen or llama"),
        ({"num_query_group": 2}, "num_query_group=2"),
        ({"query_num_list": [144, 36]}, "144, 36"),
        ({"connector_only": False}, "samplers outside the language model"),
    ],
)
def test_other_kinds_of_models_are_refused(changes, said):
    published = {**golden_configs()["qwen"], **changes}
    with pytest.raises(ConfigError, match=said):
        convert_config(published, SiglipVisionConfig(), Dinov2Config())


def test_a_configuration_of_something_else_is_refused():
    published = {"model_type": "qwen2", "hidden_size": 8}
    with pytest.raises(ConfigError, match=", ".join(NEEDED)):
        convert_config(published, SiglipVisionConfig(), Dinov2Config())


def test_rope_scaling_is_what_the_checkpoint_says():
    """Llama 3.2's own scaling is not assumed, and Qwen's is switched off as in the original."""
    configs, scaling = golden_configs(), {"rope_type": "linear", "factor": 2.0}
    for family, kept in (("llama", "linear"), ("qwen", "default")):
        for given, expected in ((None, "default"), (scaling, kept)):
            published = {**configs[family], "rope_scaling": given}
            text = convert_config(published, SiglipVisionConfig(), Dinov2Config()).text_config
            assert text.rope_parameters["rope_type"] == expected
            assert text.rope_parameters["rope_theta"] == configs[family]["rope_theta"]
