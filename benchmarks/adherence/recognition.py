"""Measures how well the embedded model draws what prompts ask for.

An independent classifier, trained on rendered pictures alone, recognises the options. Prompts take three word orders in
turn and every option equally often: of one subject alone, of one with setting or weather or both, and of two subjects.
Prints the rates with 95 % Wilson intervals, beside the classifier's rates on fresh renderings and on their
reconstructions by the autoencoder, which loses noise. ``together`` are the subjects and what surrounds them, all at once.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import torch
from scipy.stats import binomtest

from soart.benchmarks.common import ROOT, command, print_table
from soart.benchmarks.data.drawing import drawn
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.models.loading import load_model
from soart.training.judge import CLASSES, JUDGED, balanced_scenes, load_judge, plain_prompt, to_tensor
from soart.training.light import paint
from soart.training.towers import to_pictures

JUDGE = ROOT / "tests" / "assets" / "judge.safetensors"
#: Kinds of scenes, and the factors that they name beside those of every picture.
KINDS = {"alone": (), "surrounded": ("setting", "weather"), "paired": ("second",)}


def main() -> None:
    """Measure and print."""
    arguments = command(__doc__, n=480).parse_args()
    judge, generator = load_judge(JUDGE), ImageGenerator(load_model(device="cpu"), batch_size=16)
    for kind, others in KINDS.items():
        scenes = balanced_scenes(arguments.n, seed=1, **{name: kind == name for name in [*KINDS][1:]})
        rng, vae = np.random.default_rng(99), generator.model.pipeline.vae
        rendered = np.stack([paint(s, rng)[1] for s in scenes])
        with torch.inference_mode():
            parts = [vae.decoder(vae.encoder(to_tensor(part))) for part in np.array_split(rendered, 16)]
        requests = [generator.request(plain_prompt(s, i % 3), 50_000 + i) for i, s in enumerate(scenes)]
        pictures = {"drawn": drawn(generator, requests), "rendered": rendered, "decoded": to_pictures(torch.cat(parts))}
        seen = {name: judge.recognise(those) for name, those in pictures.items()}
        print(f"{kind}: {requests[0].steps} steps, guidance {requests[0].guidance:g}")
        rows, shown = {}, ("subject", *others)
        for title, factors in {**{name: (name,) for name in (*JUDGED, *others)}, "together": shown}.items():
            hits = {
                name: 100 * np.mean([all(got[f] == getattr(s, f) for f in factors) for s, got in zip(scenes, found, strict=True)])
                for name, found in seen.items()
            }  # fmt: skip
            interval = binomtest(round(hits["drawn"] * arguments.n / 100), arguments.n).proportion_ci(method="wilson")
            chance = 100 / np.prod([len(CLASSES[factor]) for factor in factors])
            rows[title] = hits | {"low": 100 * interval.low, "high": 100 * interval.high, "chance": chance}
        print_table(
            f"{arguments.n} pictures {kind}, recognised in percent, with 95 % intervals of those drawn", rows, 1
        )
        for factor in rows.keys() - {"together"}:
            pairs = Counter((getattr(s, factor), got[factor]) for s, got in zip(scenes, seen["drawn"], strict=True))
            common = [f"{a} for {b} {n}×" for (a, b), n in pairs.most_common() if a != b][:4]
            print(f"{factor} most often mistaken: " + ", ".join(common))


if __name__ == "__main__":
    main()
