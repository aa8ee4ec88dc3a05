"""Learns the beliefs in kernels over how pictures were made, ``MAKINGS`` in ``metrics/tastes/beliefs.py``, and prints them.

    python benchmarks/taste/build_makings.py [--persons 60] [--people 300] [--write]

Lessons are of tastes planted in pictures of known makers (``makers.py``; prompts and persons for development; half have a share
of the maker of 0.3, half of 0), in prompts as such, which other pictures share, and of real people whose photographs have a
theme, such as "beach", in place of a prompt (``people.py``; themes are held out, so that only the meaning of words can help). All
other beliefs are as they are. Beliefs are those with which the average of hypotheses ranks held-out pictures best (pairwise
logistic loss, by gradient), less ``CAUTION``: the least of 0 to 1.5 with which lessons without a share of the maker lose at most
0.005. That in settings was learnt on pictures by the embedded model, by an earlier version of this script.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch

from soart.benchmarks.common import command, interval, progress
from soart.benchmarks.data.makers import Made, generators
from soart.benchmarks.data.people import people, pictures
from soart.benchmarks.taste.build_beliefs import assign
from soart.benchmarks.taste.people_report import split
from soart.metrics.protocols import Making
from soart.metrics.tastes import beliefs
from soart.metrics.tastes.fitting import Scaling
from soart.metrics.tastes.item_kernels import ItemKernels
from soart.metrics.tastes.making_kernels import MakingKernels
from soart.metrics.tastes.mixture import Hypothesis, beliefs_in_generated, fit_all, hypotheses, joined, log_weights
from soart.metrics.tastes.taste import priors_of_items
from soart.pipelines.ingest.metadata.words import prompt_words
from soart.training.appeal import learn_appeal

CAUTION, ALONE, PROMPTS = 1.25, "alone", "prompts"
SIZES, SHARES, FIRST = (4, 8, 16, 30), (0.3, 0.0), 10_000
#: Steps, lessons in each, rate and shrinkage of learning.
STEPS, LESSONS, RATE, SHRINKAGE = 60, 48, 0.1, 0.0005
#: Kernel over how pictures were made (none: empty), and whether there is one over items.
Form: TypeAlias = tuple[str, bool]
NONE: Form = ("", True)
#: Kernels by name: (n, n) between learning pictures, and (t, n) between test and learning pictures.
Kernels: TypeAlias = Mapping[str, tuple[np.ndarray, np.ndarray]]
#: Log belief in a form.
Belief: TypeAlias = Callable[[Form], float]


@dataclass(frozen=True)
class Lesson:
    """One learning: sums over the hypotheses of each of T combinations of trusts and of each of G forms, of which the first is ``NONE``."""

    forms: list[Form]  # (G,)
    #: tempered, shown, believed: (T, G) logs of Σ b e^β, Σ b e and Σ b, without the belief in the form
    tempered: np.ndarray
    shown: np.ndarray
    believed: np.ndarray
    predictions: np.ndarray  # (T, G, t) means weighted by b e^β
    trusts: np.ndarray  # (T,) log beliefs
    liked: np.ndarray  # (t,) which test pictures are liked


def lesson_of(
    z: np.ndarray,
    priors: np.ndarray,
    scaling: Scaling,
    split_of: tuple[np.ndarray, np.ndarray],
    label: np.ndarray,
    made: Kernels,
    candidates_of: Callable[[ItemKernels], list[Hypothesis]],
) -> Lesson:
    """The lesson of (n, p) deviations, (n, k) prior scores and (n,) labels; ``split_of`` are learning and test rows."""
    learn, test = split_of
    y = label[learn].astype(float)
    kernels = ItemKernels.of(z[learn], scaling.frame.kinds, np.where(y > 0, "good", "bad"))
    base, across = kernels.against(z[learn]), kernels.against(z[test])
    every = candidates_of(kernels)
    evidence, alphas = fit_all(every, base, y, np.ones(len(y)), priors[learn])
    weights = np.exp(log_weights(every, evidence))
    sums = dict[tuple[object, Form], list[tuple[float, float, np.ndarray]]]()

    def add(some: Sequence[Hypothesis], evidence: np.ndarray, alphas: np.ndarray) -> None:
        for h, shown, alpha in zip(some, evidence, alphas, strict=True):
            belief, name = h.belief, ""
            told = alpha.sum() + priors[test] @ (
                np.array(h.means) + np.array(h.deviations) ** 2 * (priors[learn].T @ alpha)
            )
            if h.kernel >= 0:
                told = told + h.amplitude * (across[h.kernel] @ alpha)
            if h.making >= 0:
                name = list(made)[h.making]
                belief -= beliefs.MAKINGS["words"] + (beliefs.MAKINGS[ALONE] if h.kernel < 0 else 0.0)
                told = told + h.amplitude * (made[name][1] @ alpha)
            form = (name, h.kernel >= 0) if name else NONE
            sums.setdefault(((h.means, h.deviations, h.trust), form), []).append((belief, float(shown), told))

    add(every, evidence, alphas)
    more = joined(every, weights, kernels.names, ["words"] * len(made))
    add(more, *fit_all(more, base, y, np.ones(len(y)), priors[learn], None, [k for k, _ in made.values()]))
    trusts, forms = list(dict.fromkeys(t for t, _ in sums)), list(dict.fromkeys(f for _, f in sums))
    logs, predicted = np.full((3, len(trusts), len(forms)), -1e9), np.zeros((len(trusts), len(forms), len(test)))
    highest = float(evidence.max())
    for (trust, form), rows in sums.items():
        at = trusts.index(trust), forms.index(form)
        belief, shown = (np.array([row[k] for row in rows], dtype=float) for k in range(2))
        shown -= highest
        tempered = belief + beliefs.TEMPER * shown
        logs[:, at[0], at[1]] = [np.logaddexp.reduce(of) for of in (tempered, belief + shown, belief)]
        predicted[at] = np.exp(tempered - logs[0][at]) @ np.array([row[2] for row in rows])
    return Lesson(
        forms, *logs, predicted, np.array([t[2] for t in trusts]), label[test] == 1
    )  # fmt: skip


def score(lesson: Lesson, belief: Belief) -> np.ndarray:
    """(t,) liking of the test pictures; as ``mixture.log_weights``, with a belief in each form."""
    of_form = np.array([0.0 if form == NONE else max(belief(form), -1e6) for form in lesson.forms])
    tempered, shown, believed = (of + of_form for of in (lesson.tempered, lesson.shown, lesson.believed))
    marginal = np.logaddexp.reduce(shown, axis=1) - np.logaddexp.reduce(believed, axis=1)
    trust = lesson.trusts + beliefs.TEMPER_OF_TRUSTS * marginal
    share = np.exp(tempered - np.logaddexp.reduce(tempered, axis=1)[:, None]) * np.exp(trust - trust.max())[:, None]
    liking: np.ndarray = np.einsum("tg,tgn->n", share / share.sum(), lesson.predictions)
    return liking


def auc(score: np.ndarray, liked: np.ndarray) -> float:
    """Chance that a liked picture scores higher than another; ties are not expected."""
    ranks = np.argsort(np.argsort(score)) + 1
    above = ranks[liked].sum() - liked.sum() * (liked.sum() + 1) / 2
    return float(above / (liked.sum() * (~liked).sum()))


def unread(form: Form) -> float:
    """No belief in any kernel over how pictures were made."""
    return -np.inf


def believing(table: Mapping[str, float]) -> Belief:
    """Beliefs by name, as in ``MAKINGS``."""

    def belief(form: Form) -> float:
        name, with_items = form
        if name not in table:
            return -np.inf
        return table[name] + (0.0 if with_items else table[ALONE])

    return belief


def planted(place: Made, persons: int, size: int, share: float, *, by_prompt: bool = False) -> list[Lesson]:
    """Lessons of tastes planted in makers, or in prompts, of which other pictures are then among the tested ones."""
    names, scaling = priors_of_items(place.names), Scaling.of(place.both, place.told, place.names)
    z, priors = scaling.frame.deviations(place.both), scaling.priors(place.told)
    liked = place.prompt if by_prompt else place.maker

    def candidates_of(kernels: ItemKernels) -> list[Hypothesis]:
        return hypotheses(kernels.names, names, beliefs_in_generated(names))

    found = []
    for person in range(FIRST, FIRST + persons):
        rng = np.random.default_rng([1, person])
        label = place.person(person, share, rng.normal(size=liked.max() + 1)[liked] if by_prompt else None)
        learn, test = place.split(label, size, person)
        if by_prompt:
            rest = rng.permutation(np.flatnonzero(label))
            learn = np.concatenate([rest[label[rest] == side][:size] for side in (1, -1)])
            test = np.setdiff1d(rest, learn)
        known = MakingKernels.of(place.makings[learn])
        made = dict(zip(known.names, zip(known.gram(), known.against(place.makings[test]), strict=True), strict=True))
        found.append(lesson_of(z, priors, scaling, (learn, test), label, made, candidates_of))
    return found


def of_people(cache: Path, count: int, size: int) -> list[Lesson]:
    """Lessons of real people, whose photographs' themes are words."""
    place, other = people(cache, development=True), people(cache, development=False)
    told = place.told_with(learn_appeal([other.opinions()], other.names).scores(place.both, place.names))
    written = pictures(cache)[0]
    themes = [written[number].rstrip("0123456789 ").lower() for number in place.folder.tolist()]
    makings = np.full(len(themes), None)
    makings[:] = [Making(words=tuple(prompt_words(theme))) for theme in themes]
    names, scaling = priors_of_items(place.names), Scaling.of(place.both, told, place.names)
    z, priors = scaling.frame.deviations(place.both), scaling.priors(told)
    found = []
    for person in range(min(count, len(place))):
        if (parts := split(place, person, size)) is None:
            continue
        label, learn, test = parts
        known = MakingKernels.of(makings[learn])
        made = dict(zip(known.names, zip(known.gram(), known.against(makings[test]), strict=True), strict=True))
        made = {name: made[name] for name in made if name == "words"}
        found.append(lesson_of(z, priors, scaling, (learn, test), label, made, lambda k: hypotheses(k.names, names)))
    return found


def learn_beliefs(lessons: Sequence[Lesson]) -> dict[str, float]:
    """Log beliefs by name of the kernel, and in ``ALONE``."""
    parts = [*dict.fromkeys(name for of in lessons for name, _ in of.forms if name), ALONE]
    logs = torch.zeros(len(parts), dtype=torch.float64, requires_grad=True)
    optimiser, rng, average = torch.optim.Adam([logs], lr=RATE), np.random.default_rng(0), torch.zeros(len(parts))
    prepared = []
    for lesson in lessons:
        incidence = torch.zeros(len(lesson.forms), len(parts), dtype=torch.float64)
        for row, (name, with_items) in enumerate(lesson.forms):
            for part in [name, *([] if with_items else [ALONE])] if name else []:
                incidence[row, parts.index(part)] = 1.0
        values = [torch.tensor(of) for of in (lesson.tempered, lesson.shown, lesson.believed)]
        told = (torch.tensor(of) for of in (lesson.predictions, lesson.trusts, lesson.liked))
        prepared.append((incidence, values, *told))
    for step in range(STEPS):
        optimiser.zero_grad()
        loss = SHRINKAGE * (logs**2).sum()
        for k in rng.choice(len(prepared), min(LESSONS, len(prepared)), replace=False):
            incidence, values, predictions, trusts, liked = prepared[k]
            tempered, shown, believed = (of + incidence @ logs for of in values)
            trust = trusts + beliefs.TEMPER_OF_TRUSTS * (torch.logsumexp(shown, 1) - torch.logsumexp(believed, 1))
            share = torch.softmax(tempered, 1) * torch.softmax(trust, 0)[:, None]
            liking = torch.einsum("tg,tgn->n", share, predictions)
            liking = (liking - liking.mean()) / liking.std()
            ahead = liking[liked][:, None] - liking[~liked]
            loss = loss + torch.nn.functional.softplus(-1.5 * ahead).mean() / LESSONS
        loss.backward()
        optimiser.step()
        if step >= STEPS // 2:
            average += logs.detach() / (STEPS - STEPS // 2)
    return dict(zip(parts, average.tolist(), strict=True))


def main() -> None:
    """Learn, and print."""
    parser = command(__doc__, cache=True)
    parser.add_argument("--persons", type=int, default=60)
    parser.add_argument("--people", type=int, default=300)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    found = dict[str, list[Lesson]]()
    place = generators(arguments.cache).half(development=True)
    places = {"generators": place, PROMPTS: place}
    wanted = list(product(places, SHARES, SIZES))
    for number, (kind, share, size) in enumerate(wanted):
        lessons = planted(places[kind], arguments.persons, size, share, by_prompt=kind == PROMPTS)
        found[f"{kind}, share {share:g}, {size}+{size}"] = lessons
        progress(number + 1, len(wanted), "lessons")
    for size in SIZES[:3]:
        found[f"people, {size}+{size}"] = of_people(arguments.cache, arguments.people, size)
    learnt = learn_beliefs([lesson for lessons in found.values() for lesson in lessons])
    cautious = beliefs.MAKINGS | {name: value - CAUTION * (name != ALONE) for name, value in learnt.items()}
    print("learnt, with caution: " + ", ".join(f"{name} {value:.2f}" for name, value in cautious.items()))
    for title, lessons in found.items():
        before, after = (
            np.array([auc(score(lesson, belief), lesson.liked) for lesson in lessons])
            for belief in (unread, believing(cautious))
        )
        mean, low, high = interval(after - before)
        print(f"{title}: {before.mean():.3f} unread, gain {mean:+.3f} ({low:+.3f} … {high:+.3f})")
    if arguments.write:
        assign({"MAKINGS": "{" + ", ".join(f'"{name}": {value:.2f}' for name, value in cautious.items()) + "}"})


if __name__ == "__main__":
    main()
