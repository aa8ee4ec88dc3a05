"""Beliefs about tastes: lessons follow the mixture, and what is learnt is written into its module."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from soart.benchmarks.taste import build_beliefs, build_makings
from soart.metrics.protocols import Making
from soart.metrics.tastes import beliefs
from soart.metrics.tastes.examples import from_modes
from soart.metrics.tastes.fitting import Scaling, fit
from soart.metrics.tastes.making_kernels import MakingKernels
from soart.metrics.tastes.mixture import beliefs_in_generated, hypotheses

NAMES = tuple(f"colour/luma/{k}" for k in range(4))


def test_a_lesson_predicts_as_the_mixture_does():
    rng = np.random.default_rng(0)
    items, told = rng.normal(size=(20, 4)), rng.normal(size=(20, 1))
    makings = np.array([Making(model="ab"[k % 2], steps=4 + k % 3) for k in range(20)], dtype=object)
    label, learn, test = np.repeat([1, -1], [6, 14]), np.array([0, 1, 2, 3, 6, 7, 8, 9]), np.arange(10, 20)
    parts = {"good": items[learn[:4]], "bad": items[learn[4:]]}
    examples = replace(from_modes(parts), priors=told[learn], prior_names=("technical",), makings=makings[learn])
    scaling = Scaling.of(items, told, NAMES)
    known = MakingKernels.of(makings[learn])
    made = dict(zip(known.names, zip(known.gram(), known.against(makings[test]), strict=True), strict=True))
    lesson = build_makings.lesson_of(
        scaling.frame.deviations(items), scaling.priors(told), scaling, (learn, test), label, made,
        lambda kernels: hypotheses(kernels.names, ("technical",), beliefs_in_generated(("technical",))),
    )  # fmt: skip
    expected = fit(examples, NAMES, scaling)(items[test], told[test], makings[test])
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(build_makings.score(lesson, build_makings.believing(beliefs.MAKINGS)), expected)
    unread = fit(replace(examples, makings=np.full(8, Making())), NAMES, scaling)(items[test], told[test])
    np.testing.assert_allclose(build_makings.score(lesson, build_makings.unread), unread)


def test_beliefs_are_written_where_they_stand(tmp_path, monkeypatch):
    path, text = tmp_path / "beliefs.py", Path(beliefs.__file__).read_text(encoding="utf-8")
    shutil.copy(beliefs.__file__, path)
    monkeypatch.setattr(beliefs, "__file__", str(path))
    logs = [*beliefs.KERNELS.values(), beliefs.ALONE]
    logs += [log for table in (beliefs.AMPLITUDES, beliefs.RESIDUALS, beliefs.NOISES) for log in table.values()]
    for trusts in (beliefs.TRUSTS_IN_TECHNICAL, beliefs.TRUSTS):
        logs += [one.belief - (0 if one.mean else build_beliefs.CAUTION) for one in trusts.values()]
    build_beliefs.assign({"ALONE": "0.5"})
    assert path.read_text(encoding="utf-8") == text.replace(f"ALONE = {beliefs.ALONE}", "ALONE = 0.5")
    build_beliefs.write(torch.tensor(logs, dtype=torch.float64))
    assert path.read_text(encoding="utf-8") == text
