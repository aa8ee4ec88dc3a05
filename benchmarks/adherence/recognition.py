"""Measures how well the embedded model draws what prompts ask for.

An independent classifier, trained on rendered pictures alone, recognises the options. Prompts take three word orders in
turn and every option equally often. Prints the rates with 95 % Wilson intervals, beside the classifier's rates on fresh
renderings and on their reconstructions by the autoencoder, which loses noise.
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
from soart.pipelines.tiny.words import FACTORS
from soart.training.judge import JUDGED, balanced_scenes, load_judge, plain_prompt, to_tensor
from soart.training.light import paint
from soart.training.towers import to_pictures

JUDGE = ROOT / "tests" / "assets" / "judge.safetensors"


def main() -> None:
    """Measure and print."""
    arguments = command(__doc__, n=480).parse_args()
    judge, model = load_judge(JUDGE), load_model(device="cpu")
    generator = ImageGenerator(model, batch_size=16)
    scenes = balanced_scenes(arguments.n, seed=1)
    rng = np.random.default_rng(99)
    rendered = np.stack([paint(s, rng)[1] for s in scenes])
    with torch.inference_mode():
        vae = model.pipeline.vae
        decoded = torch.cat([vae.decoder(vae.encoder(to_tensor(part))) for part in np.array_split(rendered, 16)])
    decoded = to_pictures(decoded)
    requests = [generator.request(plain_prompt(s, i % 3), 50_000 + i) for i, s in enumerate(scenes)]
    seen = {name: judge.recognise(pictures) for name, pictures in
            (("drawn", drawn(generator, requests)), ("rendered", rendered), ("decoded", decoded))}  # fmt: skip
    print(f"{arguments.n} pictures, {requests[0].steps} steps, guidance {requests[0].guidance:g}, "
          f"{generator.pipeline_seconds / arguments.n:.3f} s a picture")  # fmt: skip
    rows = {}
    for factor in JUDGED:
        hits = {
            name: sum(got[factor] == getattr(s, factor) for s, got in zip(scenes, found, strict=True))
            for name, found in seen.items()
        }
        low, high = binomtest(hits["drawn"], arguments.n).proportion_ci(method="wilson")
        rows[factor] = {name: 100 * h / arguments.n for name, h in hits.items()} | {
            "low": 100 * low, "high": 100 * high, "chance": 100 / len(FACTORS[factor])
        }  # fmt: skip
    print_table("recognised, in percent, with 95 % intervals of those drawn", rows, 1)
    for factor in JUDGED:
        pairs = ((getattr(s, factor), got[factor]) for s, got in zip(scenes, seen["drawn"], strict=True))
        common = Counter(pair for pair in pairs if pair[0] != pair[1]).most_common(4)
        print(f"{factor} most often mistaken: " + ", ".join(f"{a} for {b} {n}×" for (a, b), n in common))


if __name__ == "__main__":
    main()
