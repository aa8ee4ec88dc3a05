"""Folders of models that name or hold code are refused before anything of them is loaded."""

import json
import shutil
from pathlib import Path

import diffusers
import huggingface_hub
import pytest
from specimens import families

from soart.errors import ModelError
from soart.pipelines.models.folder_code import check_no_code
from soart.pipelines.models.loading import EMBEDDED_FOLDER, load_model

PIPELINES = Path(diffusers.__file__).parent / "pipelines"


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return families.save_family("sd1", tmp_path_factory.mktemp("plain"))


@pytest.fixture
def folder(plain, tmp_path):
    """A model folder to be spoilt."""
    return Path(shutil.copytree(plain, tmp_path / "model"))


def change(path, **values):
    path.write_text(json.dumps((json.loads(path.read_text()) if path.exists() else {}) | values))


def write_code(path):
    """Code that leaves a file beside itself when it runs."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        f"open({str(path.with_suffix('.ran'))!r}, 'w').close()\n"
        "from diffusers import DDIMScheduler as Own, DiffusionPipeline as Pipeline\n"
    )


def component(folder):
    write_code(folder / "scheduler" / "own.py")
    change(folder / "model_index.json", scheduler=["own", "Own"])


def component_called_like_a_library(folder):
    write_code(folder / "scheduler" / "diffusers.py")
    change(folder / "model_index.json", scheduler=["diffusers", "Own"])


def component_from_elsewhere(folder):
    write_code(folder.parent / "own.py")
    change(folder / "model_index.json", **{"../": ["own", "Own"]})


def pipeline(folder):
    write_code(folder / "own.py")
    change(folder / "model_index.json", _class_name=["own", "Pipeline"])


def pipeline_that_no_one_named(folder):
    write_code(folder / "None.py")


def nested_pipeline(folder):
    component(folder)
    inner = folder.parent / "inner"
    folder.rename(inner)
    folder.mkdir()
    shutil.move(inner, folder / "prior")
    change(folder / "model_index.json", _class_name="DiffusionPipeline", prior=["diffusers", "DiffusionPipeline"])


def other_library(folder):
    change(folder / "model_index.json", scheduler=["antigravity", "Own"])


def auto_map(folder):
    write_code(folder / "text_encoder" / "own.py")
    change(folder / "text_encoder" / "config.json", auto_map={"AutoModel": "own.Own"})


def auto_map_of_the_hub(folder):
    change(folder / "model_index.json", tokenizer=["transformers", "AutoTokenizer"])
    change(folder / "tokenizer" / "tokenizer_config.json", auto_map={"AutoTokenizer": ["someone/else--own.Own", None]})


def auto_map_inside(folder):
    write_code(folder / "feature_extractor" / "own.py")
    change(folder / "model_index.json", feature_extractor=["transformers", "CLIPProcessor"])
    inner = {"image_processor": {"auto_map": {"AutoImageProcessor": "own.Own"}}}
    change(folder / "feature_extractor" / "processor_config.json", **inner)


def kernel(folder):
    change(folder / "text_encoder" / "config.json", attn_implementation="someone/kernel")


def unreadable(folder):
    (folder / "scheduler" / "scheduler_config.json").write_text('{"a":' + "[" * 100_000)


SPOILT = [component, component_called_like_a_library, component_from_elsewhere, pipeline, pipeline_that_no_one_named,
          nested_pipeline, other_library, auto_map, auto_map_of_the_hub, auto_map_inside, kernel, unreadable]  # fmt: skip


@pytest.mark.parametrize("spoil", SPOILT)
def test_a_folder_with_code_is_refused_and_the_code_does_not_run(folder, spoil):
    spoil(folder)
    with pytest.raises(ModelError, match="soart runs no code of model folders") as caught:
        load_model(folder, device="cpu")
    assert "\n" not in str(caught.value)
    assert list(folder.parent.rglob("*.ran")) == []


def test_the_folder_that_describes_a_single_file_is_checked(folder, tmp_path):
    component(folder)
    (tmp_path / "single.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match="runs no code"):
        load_model(tmp_path / "single.safetensors", config=folder, device="cpu")
    assert list(tmp_path.rglob("*.ran")) == []


def test_a_model_in_the_cache_of_the_hub_is_checked(folder, monkeypatch):
    component(folder)
    index = str(folder / "model_index.json")
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda name, file: index)
    with pytest.raises(ModelError, match="runs no code"):
        load_model("someone/model", device="cpu")


def test_links_in_a_circle_end(folder):
    (folder / "prior").symlink_to(folder, target_is_directory=True)
    change(folder / "model_index.json", prior=["diffusers", "DiffusionPipeline"])
    with pytest.raises(ModelError, match="nested too deeply"):
        check_no_code(folder, PIPELINES)


@pytest.mark.parametrize("name", ["sd1", "sdxl", "sd3", "flux", "pixart"])
def test_ordinary_folders_pass(tmp_path, name):
    check_no_code(families.save_family(name, tmp_path), PIPELINES)


def test_the_embedded_model_passes_and_names_that_nothing_loads_do_not_matter(folder):
    check_no_code(EMBEDDED_FOLDER, PIPELINES)
    write_code(folder / "handler.py")
    change(folder / "text_encoder" / "config.json", auto_map={"AutoModel": "modeling.Own"})
    change(
        folder / "model_index.json",
        safety_checker=["stable_diffusion", "StableDiffusionSafetyChecker"],
        feature=[None, None],
    )
    check_no_code(folder, PIPELINES)
