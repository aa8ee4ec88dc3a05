"""Learns the beliefs of ``metrics/tastes/mixture.py`` on other tastes; writes ``beliefs.py``.

Three quarters of the lessons are of real people (``people.py``), one quarter are of tastes planted in the learning sources:
from 4+4 to 30+30 pictures (real ones to 16+16), with and without a network's items, and with prior scores from useless to very
good. The beliefs are those with which the weighted predictions rank held-out pictures best (pairwise logistic loss, by
gradient). ``CAUTION`` is added to the beliefs in no trust, because a taste may lose little by a useless prior score; it was
chosen for the least regret on other persons. The tempers were learnt on planted tastes alone, by an earlier version of this
script: any between 0.15 and 0.6 gave people the same AUC.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from soart.benchmarks.common import command, progress
from soart.benchmarks.data.opinions import other_opinions
from soart.benchmarks.data.people import People, people
from soart.benchmarks.data.real_tastes import World, world
from soart.benchmarks.score.build_appeal import held_out
from soart.metrics.items.frame import Frame, kinds_of
from soart.metrics.tastes import beliefs
from soart.metrics.tastes.appeal import APPEAL
from soart.metrics.tastes.item_kernels import ItemKernels
from soart.metrics.tastes.mixture import Hypothesis, fit_all, hypotheses
from soart.training.appeal import Opinions

SIZES = (4, 8, 16, 30)
#: Slopes of the simulated mean of other raters against the person's own liking; 0 is useless.
SLOPES = (0.0, 0.5, 0.0, 1.0, 2.5)
#: Prior scores of a learning, if any: the technical score, which people's liking hardly follows, and others' mean.
PRIORS = ("technical", "others")
#: Fewest liked and disliked pictures that a person's taste is tested on.
FEWEST_TESTED = 5
#: Added to the log beliefs in no trust.
CAUTION = 1.0
#: A person's prior score beside the technical one: the mean of so many others, random numbers (0), or appeal.
OTHERS = (0, 2, APPEAL, 5, 0, APPEAL, 20)
STEPS, LESSONS_OF_PEOPLE, LESSONS_OF_PLANTED, RATE, SHRINKAGE = 200, 24, 8, 0.08, 0.02


@dataclass(frozen=True)
class Lesson:
    """One learning: hypotheses with log evidence (h,) and predictions (h, t), and which of t pictures are liked."""

    candidates: list[Hypothesis]
    evidence: np.ndarray
    predictions: np.ndarray
    liked: np.ndarray


def predictions(
    z: np.ndarray, learn: np.ndarray, test: np.ndarray, label: np.ndarray, priors: np.ndarray, names: tuple[str, ...]
) -> tuple[list[Hypothesis], np.ndarray, np.ndarray]:
    """Hypotheses, their log evidence, and their predictions of the test pictures."""
    y = label[learn].astype(float)
    kernels = ItemKernels.of(z[learn], kinds_of(names), np.where(y > 0, "good", "bad"))
    candidates = hypotheses(kernels.names, PRIORS[: priors.shape[1]])
    evidence, alphas = fit_all(candidates, kernels.against(z[learn]), y, np.ones(len(y)), priors[learn])
    across = np.stack([*kernels.against(z[test]), np.zeros((len(test), len(learn)))])
    predicted = np.empty((len(candidates), len(test)))
    for i, (h, alpha) in enumerate(zip(candidates, alphas, strict=True)):
        weights = np.array(h.means) + np.array(h.deviations) ** 2 * (priors[learn].T @ alpha)
        predicted[i] = h.amplitude * (across[h.kernel] @ alpha) + alpha.sum() + priors[test] @ weights
    return candidates, evidence, predicted


def lesson_of(
    rows: np.ndarray,
    names: tuple[str, ...],
    split: tuple[np.ndarray, np.ndarray],
    label: np.ndarray,
    priors: np.ndarray,
) -> Lesson:
    """The lesson of a person with (n, p) items, labels and prior scores of all pictures."""
    (learn, test), z = split, Frame.of(rows, names).deviations(rows)
    candidates, evidence, predicted = predictions(z, learn, test, label, priors, names)
    return Lesson(candidates, evidence, predicted.astype(np.float32), label[test] == 1)


def lessons(place: World, persons: int) -> list[Lesson]:
    """Learnings of synthetic persons; every second with prior scores, every fifth without a network."""
    found = []
    for person in range(persons):
        label, liking = place.person(person)
        rng = np.random.default_rng([person])
        for number, size in enumerate(SIZES):
            parts = place.split(label, size, rng)
            others = None
            if (person + number) % 2 == 0:
                slope = SLOPES[(person // 2) % len(SLOPES)]
                others = slope * liking + rng.normal(size=len(liking))
            found.append(lesson(place, parts, label, others, network=(person + number) % 5 != 0))
        progress(person + 1, persons, "persons")
    return found


def lesson(
    place: World, split: tuple[np.ndarray, np.ndarray], label: np.ndarray, others: np.ndarray | None, *, network: bool
) -> Lesson:
    """The lesson of a person, perhaps with the technical score and others' mean as prior scores."""
    rows, told = place.both if network else place.items, np.zeros((len(label), 0))
    if others is not None:
        told = np.nan_to_num(np.stack([_cut(place.technical), _cut(others)], axis=1))
    return lesson_of(rows, place.names[: rows.shape[1]], split, label, told)


def lessons_of_people(place: People, others_of: Sequence[Opinions]) -> list[Lesson]:
    """As ``lessons``, of real people."""
    found, appeal = [], held_out(place, others_of)
    for person in range(len(place)):
        label, _ = place.person(person)
        for number, size in enumerate(SIZES[:3]):
            rng = np.random.default_rng([size, person])
            learn, test = place.split(label, size, rng)
            liked = label[test] == 1
            if len(learn) < 2 * size or min(liked.sum(), (~liked).sum()) < FEWEST_TESTED:
                continue
            others = None
            if (person + number) % 2 == 0:
                count = OTHERS[(person // 2) % len(OTHERS)]
                if count == APPEAL:
                    others = appeal
                else:
                    others = place.others(person, int(count), rng) if count else rng.normal(size=len(label))
            found.append(lesson(place, (learn, test), label, others, network=(person + number) % 5 != 0))
    return found


def _cut(values: np.ndarray) -> np.ndarray:
    standard: np.ndarray = np.clip((values - np.nanmean(values)) / np.nanstd(values), -3, 3)
    return standard


PARTS = [
    *beliefs.KERNELS, None, *(("amplitude", a) for a in beliefs.AMPLITUDES), *(("residual", a) for a in beliefs.RESIDUALS),
    *(("noise", n) for n in beliefs.NOISES), *((prior, word) for prior in PRIORS for word in beliefs.TRUSTS),
]  # fmt: skip


def _incidence(lesson: Lesson) -> torch.Tensor:
    """(h, parts) times that each part of the beliefs occurs in each hypothesis."""
    parts = {part: place for place, part in enumerate(PARTS)}
    rows = np.zeros((len(lesson.candidates), len(PARTS)))
    for i, h in enumerate(lesson.candidates):
        kernel, amplitude, noise, *trusts = h.parts
        rows[i, parts[kernel]] += 1
        if kernel is not None:
            rows[i, parts["residual" if any(h.means) else "amplitude", amplitude]] += 1
        rows[i, parts["noise", noise]] += 1
        for prior, trust in zip(PRIORS, trusts, strict=False):
            rows[i, parts[prior, trust]] += 1
    return torch.tensor(rows)


def learn_beliefs(of_people: list[Lesson], planted: list[Lesson]) -> torch.Tensor:
    """Logs of all beliefs, in the order of ``PARTS``."""
    chosen = [*of_people, *planted]
    logs = torch.zeros(len(PARTS), dtype=torch.float64, requires_grad=True)
    optimiser, rng = torch.optim.Adam([logs], lr=RATE), np.random.default_rng(0)
    incidence = [_incidence(lesson) for lesson in chosen]
    average = torch.zeros_like(logs)
    for step in range(STEPS):
        optimiser.zero_grad()
        loss = SHRINKAGE * (logs**2).mean()
        some = rng.choice(len(of_people), LESSONS_OF_PEOPLE, replace=False)
        more = len(of_people) + rng.choice(len(planted), LESSONS_OF_PLANTED, replace=False)
        for k in [*some, *more]:
            score = torch.softmax(weights_of(chosen[k], incidence[k], logs), 0).float() @ torch.tensor(
                chosen[k].predictions
            )
            score = (score - score.mean()) / score.std()
            liked = torch.tensor(chosen[k].liked)
            ahead = score[liked][:, None] - score[~liked]
            loss = loss + torch.nn.functional.softplus(-1.5 * ahead).mean() / (len(some) + len(more))
        loss.backward()
        optimiser.step()
        if step >= STEPS // 2:
            average += logs.detach() / (STEPS - STEPS // 2)
    return average


def weights_of(lesson: Lesson, incidence: torch.Tensor, logs: torch.Tensor) -> torch.Tensor:
    """(h,) log weights of the hypotheses of a learning; as ``mixture.log_weights``."""
    ordinary = len(PARTS) - len(PRIORS) * len(beliefs.TRUSTS)
    belief, trust = incidence[:, :ordinary] @ logs[:ordinary], incidence[:, ordinary:] @ logs[ordinary:]
    evidence = torch.tensor(lesson.evidence - lesson.evidence.max())
    places: dict[tuple[float, ...], list[int]] = {}
    for i, h in enumerate(lesson.candidates):
        places.setdefault(h.means, []).append(i)
    weights = torch.zeros(len(belief), dtype=torch.float64)
    for place in places.values():
        own, shown = belief[place], evidence[place]
        marginal = torch.logsumexp(own + shown, 0) - torch.logsumexp(own, 0)
        weights[place] = (
            trust[place] + beliefs.TEMPER_OF_TRUSTS * marginal + torch.log_softmax(own + beliefs.TEMPER * shown, 0)
        )
    return weights


def table_of(logs: Mapping[str, str]) -> str:
    """Lines of a dictionary of code by key."""
    return "{\n" + "".join(f'    "{key}": {code},\n' for key, code in logs.items()) + "}"


def assign(values: Mapping[str, str]) -> None:
    """Write values into the module of beliefs, as code by name, in place of those there."""
    path = Path(beliefs.__file__)
    text = path.read_text(encoding="utf-8")
    for name, code in values.items():
        # The value there is one line, or a dictionary of several.
        text = re.sub(rf"(?ms)^{name} = (?:\{{\n.*?^\}}|[^\n]*)", lambda _, new=f"{name} = {code}": new, text)
    path.write_text(text, encoding="utf-8")


def write(logs: torch.Tensor) -> None:
    """Write the beliefs into the module, in place of those there."""
    values = iter(logs.tolist())
    found = {"KERNELS": table_of({name: f"{next(values):.3f}" for name in beliefs.KERNELS})}
    alone = f"{next(values):.3f}"
    tables = {"AMPLITUDES": beliefs.AMPLITUDES, "RESIDUALS": beliefs.RESIDUALS, "NOISES": beliefs.NOISES}
    for title, table in tables.items():
        found[title] = "{" + ", ".join(f"{key}: {next(values):.3f}" for key in table) + "}"
    found["ALONE"] = alone
    for title, trusts in (("TRUSTS_IN_TECHNICAL", beliefs.TRUSTS_IN_TECHNICAL), ("TRUSTS", beliefs.TRUSTS)):
        found[title] = table_of(
            {
                word: f"PriorTrust({t.mean}, {t.deviation}, {next(values) + (0 if t.mean else CAUTION):.3f})"
                for word, t in trusts.items()
            }
        )
    assign(found)


def main() -> None:
    """Learn, and check or write."""
    arguments = command(__doc__, cache=True, persons=160).parse_args()
    torch.set_num_threads(1)
    others = list(other_opinions(arguments.cache).values())
    of_people = lessons_of_people(people(arguments.cache, development=True), others)
    write(learn_beliefs(of_people, lessons(world(arguments.cache, development=True), arguments.persons)))


if __name__ == "__main__":
    main()
