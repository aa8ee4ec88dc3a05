"""Trains the two towers that tell which words a picture of the embedded model shows.

    python -m soart.training.towers --work DIR --judge tests/assets/judge.safetensors [--out DIR]

A picture tower and a text tower, saved as a ``CLIPModel`` of transformers with its processor, learn from two kinds of
pictures, by halves:

* the renderer's, which show what their captions say. They are plain, painted, or painted by the embedded autoencoder, as
  drawn pictures are, in turn.
* those that the embedded model draws at few steps and low guidance, so that a good share fails. A teacher, which is a
  classifier trained on rendered pictures, says how probably they show each option, and the towers learn these
  probabilities (Hinton et al., "Distilling the knowledge in a neural network", 2015).

A picture should lie nearest to its own option among the options of every factor (in any of their words), by halves to each
of two subjects, and equally near to all of a factor that it does not show. A rendered one should lie nearest to its own caption among those of its batch (Radford et al., "Learning transferable visual models from natural
language supervision", 2021). Like ``train`` it may be killed and run again; only an unfinished classifier starts anew.

At last a curve for each factor is fitted to pictures drawn in the same way; see ``pipelines.judges.calibration``. What
they show is said by the judge of ``--judge``: a classifier of which training sees nothing.
"""

from __future__ import annotations

import argparse
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, CLIPTokenizer

from ..pipelines.judges.adherence import EMBEDDED_TOWERS
from ..pipelines.tiny.words import FACTORS
from .captions import Scene, caption, random_scene
from .decoder import painted_pictures
from .fitting import batch_of, fit
from .judge import CLASSES, JUDGED, Judge, balanced_scenes, load_judge, reduced, save_judge, to_tensor, train_judge
from .light import halved
from .parts import LENGTH, build_tokenizer
from .render import SEED, SIZE

PICTURES, STEPS = 16_000, 3_200
#: Pictures of each kind in a batch.
BATCH = 64
WIDTH, DEPTH, EMBEDDING = 128, 4, 64
#: Weight of the captions in the loss.
CAPTIONS = 0.3
#: Pictures for the calibration, and the settings that they are drawn with.
CALIBRATED, POOR_STEPS, POOR_GUIDANCE = 500, (1, 2, 3), (1.0, 1.5, 2.5)
#: Drawn pictures to learn from, those that are drawn at once, and the seed of the first of these.
DRAWN, PART, FIRST = 8_000, 500, 1_000
#: Seed of the teacher, which says what they show, and the pictures that it learns from.
TEACHER, TAUGHT = 5_151, 14_000
#: Factors that the towers tell.
TOLD = (*JUDGED, "setting", "weather")
_TEMPLATES = ("{}", "{}", "a {}", "a picture of a {}", "picture in {}", "the {}")


def words_of(factor: str) -> dict[str, tuple[str, ...]]:
    """The words of each option of a factor that mean no other option too."""
    options = FACTORS[factor]
    every = [word for words in options.values() for word in words]
    return {name: tuple(word for word in words if every.count(word) == 1) for name, words in options.items()}


def build_towers(tokenizer: CLIPTokenizer) -> CLIPModel:
    """An untrained model of 1.1 million weights: 8×8 patches of 64×64 pixels, texts of 32 tokens."""
    # On a CPU rectified units and plain attention train several times faster than transformers' own choices.
    shared = {"num_attention_heads": 4, "projection_dim": EMBEDDING, "hidden_act": "relu"}
    text = {
        "vocab_size": len(tokenizer), "hidden_size": WIDTH, "intermediate_size": 2 * WIDTH, "num_hidden_layers": 1,
        "max_position_embeddings": LENGTH, "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id,
    }  # fmt: skip
    vision = {
        "image_size": SIZE, "patch_size": 8, "hidden_size": WIDTH, "intermediate_size": 4 * WIDTH,
        "num_hidden_layers": DEPTH,
    }  # fmt: skip
    config = CLIPConfig(text_config={**text, **shared}, vision_config={**vision, **shared}, projection_dim=EMBEDDING)
    return CLIPModel._from_config(config, attn_implementation="eager")


def build_processor(tokenizer: CLIPTokenizer) -> CLIPProcessor:
    """Pictures of any size become 64×64 values in −1…1."""
    pictures = CLIPImageProcessor(
        size={"shortest_edge": SIZE},
        crop_size={"height": SIZE, "width": SIZE},
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
    )
    return CLIPProcessor(pictures, tokenizer)


@torch.no_grad()
def rendered_pictures(work: Path, count: int) -> np.ndarray:
    """Plain, painted and painted by the embedded autoencoder in turn; (count, 64, 64, 3) uint8, made once."""
    from ..pipelines.models.loading import load_model

    path = work / f"rendered-{count}.npy"
    if not path.exists():
        plain, painted = painted_pictures(work, count)
        vae, pictures = load_model(device="cpu").pipeline.vae, np.array(plain)
        for start in range(0, count, 300):
            with torch.autocast("cpu", torch.bfloat16):
                latents = vae.encoder(batch_of(painted, np.arange(start, min(start + 300, count), 3)))
                pictures[start : start + 300 : 3] = to_pictures(reduced(vae.decoder(latents).float()))
        for i in range(1, count, 3):
            pictures[i] = halved(painted[i])
        _save(path, pictures)
    rendered: np.ndarray = np.load(path, mmap_mode="r")
    return rendered


def to_pictures(values: torch.Tensor) -> np.ndarray:
    """(n, 3, h, w) in −1…1 to (n, h, w, 3) uint8."""
    bytes_: np.ndarray = ((values.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    return bytes_


def poor_series(work: Path, count: int) -> np.ndarray:
    """Pictures that the embedded model draws at few steps and low guidance, drawn once; (count, 64, 64, 3) uint8."""
    parts = []
    for start in range(0, count, PART):
        path = work / f"drawn-{start}.npy"
        if not path.exists():
            _save(path, poor_pictures(PART, FIRST + start // PART)[2])
        parts.append(np.load(path))
    return np.concatenate(parts)[:count]


def _save(path: Path, array: np.ndarray) -> None:
    """Write an array, whole or not at all."""
    np.save(path.with_suffix(".part.npy"), array)
    path.with_suffix(".part.npy").rename(path)


def load_teacher(work: Path) -> Judge:
    """The teacher, which says what drawn pictures show; trained once."""
    path = work / "teacher.safetensors"
    if not path.exists():
        pictures = zip(*painted_pictures(work, PICTURES), strict=True)
        series = ((random_scene(np.random.default_rng([SEED, i])), *both) for i, both in enumerate(pictures))
        save_judge(train_judge(islice(series, TAUGHT), seed=TEACHER), path.with_suffix(".part"))
        path.with_suffix(".part").rename(path)
    return load_judge(path)


@torch.no_grad()
def probabilities(teacher: Judge, pictures: np.ndarray) -> dict[str, torch.Tensor]:
    """Probabilities, by the teacher, that (n, 64, 64, 3) uint8 pictures show each option; (n, options) by factor."""
    parts = [teacher(to_tensor(pictures[start : start + PART])) for start in range(0, len(pictures), PART)]
    seen = {name: torch.cat([part[name] for part in parts]).softmax(dim=1) for name in CLASSES}
    # A second subject has half of what is certain of it; a factor without an option has its share of all options.
    half = seen["second"][:, 1:] / 2
    shown = {
        **{name: seen[name] for name in JUDGED},
        "subject": seen["subject"] * (1 - half.sum(1, keepdim=True)) + half,
    }
    for name in ("setting", "weather"):
        shown[name] = seen[name][:, 1:] + seen[name][:, :1] / (seen[name].shape[1] - 1)
    return shown


def _phrases(rng: np.random.Generator) -> list[str]:
    """One text for every option of every factor."""
    return [
        str(rng.choice(_TEMPLATES)).format(rng.choice(words)) for factor in TOLD for words in words_of(factor).values()
    ]


def certain(scenes: list[Scene], factor: str) -> torch.Tensor:
    """(n, options): 1 for the option of each scene, halves for two subjects, and equal shares where there is none."""
    options = list(FACTORS[factor])
    right = torch.zeros(len(scenes), len(options))
    for row, scene in zip(right, scenes, strict=True):
        shown = [getattr(scene, factor), scene.second if factor == "subject" else ""]
        told = [options.index(value) for value in shown if value] or list(range(len(options)))
        row[told] = 1 / len(told)
    return right


def _tensor(chosen: np.ndarray, rng: np.random.Generator) -> torch.Tensor:
    """A batch of (n, 64, 64, 3) uint8 pictures in −1…1, some mirrored, some with a little noise."""
    flips = rng.random(len(chosen)) < 0.5
    chosen[flips] = chosen[flips, :, ::-1]
    values = to_tensor(chosen)
    strength = rng.uniform(0, 0.06, (len(chosen), 1, 1, 1)).astype(np.float32)
    return values + torch.from_numpy(strength * rng.standard_normal(values.shape, dtype=np.float32))


def train_towers(
    work: Path,
    pictures: np.ndarray,
    drawn: np.ndarray,
    shown: dict[str, torch.Tensor],
    steps: int,
) -> tuple[CLIPModel, CLIPTokenizer]:
    """Fit both towers together.

    Args:
        work: folder for checkpoints.
        pictures: (n, 64, 64, 3) uint8, the first of the renderer's series.
        drawn: (m, 64, 64, 3) uint8.
        shown: (m, options) probabilities by factor that the drawn ones show each option.
        steps: of the optimiser.
    """
    torch.manual_seed(SEED + 2)
    tokenizer = build_tokenizer(work / "tokenizer")
    model = build_towers(tokenizer)
    model.train()

    def loss_of(step: int) -> torch.Tensor:
        rng = np.random.default_rng([SEED, 4, step])
        rendered, others = rng.integers(len(pictures), size=BATCH), rng.integers(len(drawn), size=BATCH)
        scenes = [random_scene(np.random.default_rng([SEED, int(i)])) for i in rendered]
        phrases = _phrases(rng)
        texts = [*phrases, *(caption(scene, rng) for scene in scenes)]
        tokens = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        with torch.autocast("cpu", torch.bfloat16):
            seen = model.get_image_features(
                _tensor(np.concatenate([pictures[rendered], drawn[others]]), rng)
            ).pooler_output
        read = model.get_text_features(**tokens).pooler_output
        scale = model.logit_scale.exp().clamp(max=100)
        similarity = scale * functional.normalize(seen.float(), dim=1) @ functional.normalize(read.float(), dim=1).T
        by_caption = similarity[:BATCH, len(phrases) :]
        own = torch.arange(BATCH)
        loss = CAPTIONS * (functional.cross_entropy(by_caption, own) + functional.cross_entropy(by_caption.T, own)) / 2
        start = 0
        for factor in TOLD:
            end = start + len(FACTORS[factor])
            right = torch.cat([certain(scenes, factor), shown[factor][others]])
            loss = loss + functional.cross_entropy(similarity[:, start:end], right)
            start = end
        return loss

    mean = fit(work / f"towers-{len(drawn)}.pt", {"towers": model}, steps, 1.5e-3, loss_of, 0.995)
    model.load_state_dict(mean["towers"])
    return model.eval(), tokenizer


def poor_pictures(count: int, seed: int) -> tuple[list[str], list[Scene], np.ndarray]:
    """Draw pictures of plain prompts at few steps and low guidance.

    Args:
        count: number of pictures.
        seed: of scenes, wordings, settings and images.

    Returns:
        prompts, the scenes they ask for, and the pictures (count, 64, 64, 3) uint8, at half their size.
    """
    from ..pipelines.models.generator import ImageGenerator
    from ..pipelines.models.loading import load_model

    generator = ImageGenerator(load_model(device="cpu"), batch_size=32)
    rng = np.random.default_rng(seed)
    kinds = [balanced_scenes(count, seed, surrounded=k == 1, paired=k == 2) for k in range(3)]
    scenes = [kinds[(0, 1, 0, 2)[i % 4]][i] for i in range(count)]
    prompts = []
    for scene in scenes:
        told = {f: str(rng.choice(words_of(f)[getattr(scene, f)])) for f in TOLD if getattr(scene, f)}
        if scene.second:
            told["subject"] += f" and a {rng.choice(words_of('subject')[scene.second])}"
        prompts.append(", ".join(str(word) for word in rng.permutation(list(told.values()))))
    requests = [
        generator.request(prompt, 10_000 * seed + i, steps=POOR_STEPS[i % 3], guidance=POOR_GUIDANCE[i // 3 % 3])
        for i, prompt in enumerate(prompts)
    ]
    # Batches hold pictures of equal settings, so they come in another order.
    pixels = {drawn.request: halved(drawn.pixels) for batch in generator.draw(requests) for drawn in batch}
    return prompts, scenes, np.stack([pixels[request] for request in requests])


def shows(answer: dict[str, str], factor: str, option: str) -> bool:
    """True if a picture shows an option by what the judge recognises in it; of two subjects either counts."""
    return option == answer[factor] or (factor == "subject" and option == answer["second"])


def calibrate(folder: Path, judge: Judge, count: int = CALIBRATED, seed: int = 1) -> None:
    """Fit the curves of the towers in a folder, and write them beside the weights."""
    from ..pipelines.judges.calibration import Calibration, Curve, PhraseKind
    from ..pipelines.judges.phrase_sources import TowerSource
    from ..pipelines.judges.towers import Towers
    from .curves import fit_curve, save_calibration

    _, scenes, pictures = poor_pictures(count, seed)
    answers = judge.recognise(pictures)
    towers = Towers.load(str(folder))
    blank = Curve(1.0, 0.0, ((0.0, 0.0), (0.0, 0.0)), 0.0)
    kinds = {factor: PhraseKind(tuple(words_of(factor).values()), blank) for factor in TOLD}
    margins_of = TowerSource(towers, Calibration(kinds, "")).margin
    items, rng = towers.extractor.extract(pictures), np.random.default_rng(seed)
    for factor in TOLD:
        # Of pictures that should show no option, a random one is asked for, which should be missing.
        asked = [getattr(scene, factor) or str(rng.choice(list(FACTORS[factor]))) for scene in scenes]
        margins = [margins_of(item, words_of(factor)[name][0], factor) for item, name in zip(items, asked, strict=True)]
        shown = np.array([shows(answer, factor, name) for answer, name in zip(answers, asked, strict=True)])
        kinds[factor] = PhraseKind(kinds[factor].options, fit_curve(np.array(margins), shown, asked))
    source = f"{count} pictures of the embedded model, drawn at {POOR_STEPS} steps and guidance {POOR_GUIDANCE}"
    save_calibration(Calibration(kinds, source), folder)


def main() -> None:
    """Train and save from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="folder for pictures and checkpoints")
    parser.add_argument("--out", type=Path, default=EMBEDDED_TOWERS)
    parser.add_argument("--judge", type=Path, required=True, help="weights of the independent judge")
    parser.add_argument("--pictures", type=int, default=PICTURES, help="number of rendered pictures")
    parser.add_argument("--drawn", type=int, default=DRAWN, help="number of drawn pictures")
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    pictures = rendered_pictures(arguments.work, arguments.pictures)
    drawn = poor_series(arguments.work, arguments.drawn)
    shown = probabilities(load_teacher(arguments.work), drawn)
    model, tokenizer = train_towers(arguments.work, pictures, drawn, shown, arguments.steps)
    model.half().save_pretrained(arguments.out)
    build_processor(tokenizer).save_pretrained(arguments.out)
    calibrate(arguments.out, load_judge(arguments.judge))


if __name__ == "__main__":
    main()
