"""The first five minutes: the commands of docs/first-five-minutes.md, read from the page and run in its order."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

PAGE = Path(__file__).parents[3] / "docs" / "first-five-minutes.md"


def commands():
    """The arguments of every ``soart`` line on the page."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith("soart ")]


def graph(number, side):
    """The smallest graph of ComfyUI that draws."""
    links = {"model": ["1", 0], "positive": ["2", 0], "negative": ["3", 0], "latent_image": ["5", 0]}
    settings = {"seed": number, "steps": 20, "cfg": 7.0, "sampler_name": "euler", "scheduler": "normal", "denoise": 1.0}
    return {
        "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "model.safetensors"}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"text": f"comfy view {number}", "clip": ["1", 1]}},
        "3": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry", "clip": ["1", 1]}},
        "4": {"class_type": "KSampler", "inputs": {**settings, **links}},
        "5": {"class_type": "EmptyLatentImage", "inputs": {"width": side, "height": side, "batch_size": 1}},
    }


def view(number, side):
    """A landscape of a few shapes; even numbers are vivid, odd ones nearly grey."""
    rng = np.random.default_rng(number)
    small = rng.integers(20, 235, (8, 8, 3)).astype(float)
    if number % 2:
        small = small.mean(axis=2, keepdims=True) + 0.05 * (small - small.mean(axis=2, keepdims=True))
    picture = Image.fromarray(small.astype(np.uint8)).resize((side, side), Image.Resampling.BICUBIC)
    grain = rng.integers(-6, 7, (side, side, 1))
    return Image.fromarray(np.clip(np.asarray(picture) + grain, 0, 255).astype(np.uint8))


def write_folder(folder, count, side, copies):
    """Pictures with the metadata of both tools, some with a reduced copy; returns the pictures."""
    folder.mkdir()
    paths = []
    for number in range(count):
        text = PngInfo()
        if number % 4 < 2:
            text.add_text("parameters", f"web view {number}\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: {number}")
        else:
            text.add_text("prompt", json.dumps(graph(number, side)))
        paths.append(folder / f"{number:05d}.png")
        picture = view(number, side)
        picture.save(paths[-1], pnginfo=text, compress_level=1)
        if number < copies:
            picture.resize((side // 2, side // 2)).save(folder / f"{number:05d}-small.jpg", quality=90)
    return paths


@pytest.mark.parametrize(
    ("count", "side", "copies", "rated"),
    [pytest.param(12, 128, 2, 5, id="small"), pytest.param(300, 1024, 30, 8, id="whole", marks=pytest.mark.slow)],
)
def test_walk(soart, tmp_path, monkeypatch, count, side, copies, rated):
    monkeypatch.chdir(tmp_path)
    for place in ("CONFIG", "DATA", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{place}_HOME", str(tmp_path / place))
    paths = write_folder(tmp_path / "pictures", count, side, copies)
    for kind, first in (("liked", 0), ("disliked", 1)):
        (tmp_path / kind).mkdir()
        for path in paths[first : 2 * rated : 2]:
            (tmp_path / kind / path.name).hardlink_to(path)
    outputs, undo_file = {}, ""
    # Quick start serves until it is interrupted.
    for line in (line for line in commands() if line[0] != "start"):
        if line[0] == "find":
            line[2] = f"pictures/{paths[count // 2].name}"
        if line[0] == "undo":
            line[1] = undo_file
        code, out, err = soart(*line)
        assert code == 0, (line, err)
        outputs.setdefault(" ".join(line[:2] if line[0] == "taste" else line[:1]), []).append(out)
        if line[0] == "cull":
            undo_file = next(iter(re.findall(r"\S+\.jsonl", out)[::-1]), "")
            moved = [path for path in Path("copies").rglob("*") if path.is_file()]
            dry = "--dry-run" in line
            assert len(moved) >= (0 if dry else copies)
            assert not (dry and moved)
    assert set(outputs) == {"rank", "evaluate", "cull", "undo", "taste learn", "find"}
    by_score, by_taste = outputs["rank"]
    # Prompts of both tools are read; the reduced copies, which may lead, have none.
    ranking = json.loads(soart("rank", "pictures/", "--top", count + copies, "--json")[1])["ranking"]
    prompts = {line["prompt"].split(" view ")[0] for line in ranking if line.get("prompt")}
    assert prompts == {"web", "comfy"}
    assert any(f"{tool} view " in by_score for tool in prompts)
    for folder in ("best", "mine"):
        # Of the reduced copies and their originals one of each is copied.
        assert len(list(Path(folder).iterdir())) == min(20, count)
    assert Path("page.html").stat().st_size > 10_000
    # Undone: all is where it was.
    assert not [path for path in Path("copies").rglob("*") if path.is_file()]
    assert len(list(Path("pictures").glob("*.*"))) >= count + copies
    assert "of 100 pairs of other pictures it orders about" in outputs["taste learn"][0]
    # A taste for vivid pictures puts them first.
    assert all(path.exists() for path in paths)
    best = sorted(Path("mine").iterdir())[: min(5, rated)]
    assert sum(int(re.findall(r"(\d{5})", path.name)[-1]) % 2 == 0 for path in best) > len(best) / 2
    assert by_taste != by_score
