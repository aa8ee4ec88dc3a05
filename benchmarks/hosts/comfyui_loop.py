"""Measures whether the closed loop that comes with the ComfyUI pack learns.

The space, the judge, the number of pictures a run and the settings of drawing are those of
"example_workflows/Try a closed loop.json". Each search seed is a loop of its own on the embedded model: ask, draw, observe, as
the nodes do. The last five runs are compared with the first five by the judge, which the loop optimises, and by a judge that
it never sees: an independent classifier, trained on rendered pictures alone, says how probably a picture is sharp or vivid
rather than noisy, blurry or faded.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np

import soart
from soart.benchmarks.common import ROOT, command, interval
from soart.pipelines.collection.collection import Collection
from soart.pipelines.judges.finding import guarded
from soart.pipelines.models.external import ExternalGenerator
from soart.pipelines.tiny.words import QUALITIES
from soart.pipelines.tuning.ask_tell import ExternalStudy, tell
from soart.pipelines.tuning.findings import findings_of
from soart.training.judge import Judge, load_judge, to_tensor

GOOD = ("sharp", "vivid")
#: Runs compared at each end.
ENDS = 5


def shipped(node_type: str) -> dict[str, object]:
    """Values of the widgets of a node of the shipped workflow."""
    workflow = json.loads((ROOT / "example_workflows" / "Try a closed loop.json").read_text(encoding="utf-8"))
    [node] = [node for node in workflow["nodes"] if node["type"] == node_type]
    names = [slot["name"] for slot in node["inputs"] if "widget" in slot]
    return dict(zip(names, node["widgets_values"], strict=True))


def goodness(judge: Judge, pixels: np.ndarray) -> np.ndarray:
    """(n,) probabilities in percent that (n, 128, 128, 3) uint8 pictures are sharp or vivid, by the independent judge."""
    import torch

    with torch.no_grad():
        chances = judge(to_tensor(pixels))["quality"].softmax(dim=1).numpy()
    return 100 * chances[:, [list(QUALITIES).index(name) for name in GOOD]].sum(axis=1)


def run_loop(folder: Path, seed: int, runs: int, judge: Judge) -> tuple[np.ndarray, str]:
    """(2, runs) means of the judge and of the independent judge by run, and the quality of the best prompt."""
    asked = shipped("SoartPromptChoice")
    generator = soart.ImageGenerator(soart.load_model(device="cpu"))
    study = ExternalStudy(
        folder,
        soart.PromptSpace.parse(str(asked["space"]), str(asked["vocabulary"])),
        guarded(str(asked["by"])),
        ExternalGenerator(
            str(asked["model"]),
            int(asked["usual_steps"]),
            float(asked["usual_guidance"]),
            (int(asked["usual_width"]), int(asked["usual_height"])),
        ),
        seed,
    )
    means = []
    for _ in range(runs):
        questions = study.ask(int(asked["count"]))
        drawn = [picture for batch in generator.draw([one.request for one in questions]) for picture in batch]
        told = [
            tell(question, picture.pixels, problem=picture.problem)
            for question, picture in zip(questions, drawn, strict=True)
        ]
        scores = [one.score for one in told if one.score is not None]
        means.append((np.mean(scores), goodness(judge, np.stack([picture.pixels for picture in drawn])).mean()))
    with Collection(folder) as collection:
        best = findings_of(study.tuner(collection)).winners[0]
    return np.array(means).T, best.choice["quality"]


def gain(means: np.ndarray) -> np.ndarray:
    """(…,) mean of the last five runs less that of the first five, of means (…, runs)."""
    difference: np.ndarray = means[..., -ENDS:].mean(axis=-1) - means[..., :ENDS].mean(axis=-1)
    return difference


def main() -> None:
    """Measure and print."""
    arguments = command(__doc__, seeds=8, runs=20).parse_args()
    judge = load_judge(ROOT / "tests" / "assets" / "judge.safetensors")
    loops = []
    with tempfile.TemporaryDirectory() as base:
        for seed in range(arguments.seeds):
            means, quality = run_loop(Path(base) / str(seed), seed, arguments.runs, judge)
            loops.append(means)
            print(f"seed {seed}: gain {gain(means).round(1).tolist()}, best prompt {quality}", flush=True)
    values = np.array(loops)
    for row, name in enumerate(("judge (points)", "independent judge (%)")):
        course = values[:, row].mean(axis=0)
        mean, low, high = interval(gain(values[:, row]))
        print(
            f"{name}: first {ENDS} runs {course[:ENDS].mean():.1f}, last {ENDS} runs {course[-ENDS:].mean():.1f}, ",
            end="",
        )
        print(f"gain {mean:.1f} (95 % interval {low:.1f} … {high:.1f}), by run {course.round(1).tolist()}")


if __name__ == "__main__":
    main()
