from pathlib import Path

import numpy as np
from scipy import ndimage

from soart.metrics.damage.technical import TechnicalJudge
from soart.pipelines.evaluation.first_findings import FirstFindings
from soart.pipelines.ingest.inspection import Inspection
from soart.training.captions import random_scene
from soart.training.render import render


def test_findings_are_those_of_the_scores():
    judge, rng = TechnicalJudge.load(), np.random.default_rng(4)
    findings, scores = FirstFindings(), {}
    for number in range(70):
        pixels = render(random_scene(rng), rng)
        if number % 2:
            pixels = ndimage.gaussian_filter(pixels, (2, 2, 0))
        items = judge.extractor.extract(pixels)
        path = str(Path("folder", f"{number:02}.png"))
        findings.add(Inspection(path, items=((judge.extractor.version, items[0].astype("<f4").tobytes()),)))
        # A file that cannot be decoded brings no items.
        findings.add(Inspection("broken.png", problem="'broken.png' is empty."))
        if number == 30:
            assert findings.sentence == ""
        if number < 64:
            scores[path] = float(judge.score(items.astype(np.float32).astype(float))[0])
    best, weakest = max(scores, key=scores.get), min(scores, key=scores.get)
    assert findings.sentence.startswith("of 64 pictures ")
    assert "blur " in findings.sentence
    assert findings.sentence.endswith(
        f"; by technical quality the best is {Path(best).name!r} with {scores[best]:.0f} points, the weakest "
        f"{Path(weakest).name!r} with {scores[weakest]:.0f}"
    )


def test_pictures_that_cannot_be_judged_are_neither_best_nor_weakest():
    judge, findings = TechnicalJudge.load(), FirstFindings()
    black = judge.extractor.extract(np.zeros((64, 64, 3)))[0].astype("<f4").tobytes()
    for number in range(32):
        findings.add(Inspection(f"{number}.png", items=((judge.extractor.version, black),)))
    assert findings.sentence.startswith("of 32 pictures ")
    assert "best" not in findings.sentence
