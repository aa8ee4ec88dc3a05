"""Learns the beliefs of ``metrics/tastes/mixture.py`` on other tastes; writes ``beliefs.py``.

    python benchmarks/taste/build_beliefs.py [--persons 160] [--check | --caution]

Three quarters of the lessons are of real people (``people.py``), one quarter are of tastes planted in the learning
sources. Tastes are learnt from 4+4 to 30+30 pictures (real ones to 16+16), with and without a network's items, and with
prior scores from useless to very good: simulated means of others for planted tastes; appeal and the means of 2, 5 and 20
others for people. Weights of hypotheses follow from their evidence and the beliefs; the beliefs are those with which the
weighted predictions rank held-out pictures best (pairwise logistic loss, by gradient). With ``--check`` beliefs learnt
on half of the persons are compared on the other half with equal beliefs, and nothing is written.

The learnt beliefs take the share of useless prior scores for known, and let a taste lose more by a useless one than it
may. So ``CAUTION`` is added to the beliefs in no trust. It is chosen for the least regret: the loss against the taste
without a useless prior score, or against a good one alone, whichever is larger. With ``--caution`` both are printed for
several values on other persons, and nothing is written.

The tempers were learnt on planted tastes alone, by an earlier version of this script. For people any β between 0.15 and
0.6 gave the same AUC. Half of what planted tastes are made of are looks. Real people's likings follow a network's late items far more than all
others, so people count more. Planted tastes still count, because people's pictures are all photographs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from soart.benchmarks.common import command, progress
from soart.benchmarks.data.opinions import other_opinions
from soart.benchmarks.data.people import People, people
from soart.benchmarks.data.real_tastes import World, world
from soart.benchmarks.score.build_appeal import folds, held_out, soart
from soart.metrics.items.frame import Frame, kinds_of
from soart.metrics.tastes import beliefs
from soart.metrics.tastes.appeal import APPEAL
from soart.metrics.tastes.item_kernels import ItemKernels
from soart.metrics.tastes.mixture import Hypothesis, fit_all, hypotheses, log_weights
from soart.training.appeal import Opinions

SIZES = (4, 8, 16, 30)
#: Slopes of the simulated mean of other raters against the person's own liking; 0 is useless.
SLOPES = (0.0, 0.5, 0.0, 1.0, 2.5)
#: Prior scores of a learning, if any: the technical score, which people's liking hardly follows, and others' mean.
PRIORS = ("technical", "others")
#: Fewest liked and disliked pictures that a person's taste is tested on.
FEWEST_TESTED = 5
#: Added to the log beliefs in no trust, and other values that ``--caution`` compares it with, from none on.
CAUTION, CAUTIONS = 1.0, (0.0, 0.5, 1.0, 1.5, 2.0)
#: A person's prior score beside the technical one: the mean of so many others, random numbers (0), or appeal.
OTHERS = (0, 2, APPEAL, 5, 0, APPEAL, 20)
#: First of the persons that caution is chosen on.
FIRST_CAUTIOUS = 40_000
STEPS, LESSONS_OF_PEOPLE, LESSONS_OF_PLANTED, RATE, SHRINKAGE = 200, 24, 8, 0.08, 0.02


@dataclass(frozen=True)
class Lesson:
    """One learning: hypotheses with log evidence (h,) and predictions (h, t); which of t pictures are liked; others' mean."""

    candidates: list[Hypothesis]
    evidence: np.ndarray
    predictions: np.ndarray
    liked: np.ndarray
    others: np.ndarray
    person: int
    title: str


def predictions(
    z: np.ndarray,
    learn: np.ndarray,
    test: np.ndarray,
    label: np.ndarray,
    priors: np.ndarray,
    names: tuple[str, ...],
    prior_names: Sequence[str] = PRIORS,
) -> tuple[list[Hypothesis], np.ndarray, np.ndarray]:
    """Hypotheses, their log evidence, and their predictions of the test pictures."""
    y = label[learn].astype(float)
    kernels = ItemKernels.of(z[learn], kinds_of(names), np.where(y > 0, "good", "bad"))
    candidates = hypotheses(kernels.names, prior_names[: priors.shape[1]])
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
    others: np.ndarray,
    person: int,
    title: str,
) -> Lesson:
    """The lesson of a person with (n, p) items, labels, prior scores and others' mean of all pictures.

    ``split`` holds the numbers of the learning and of the test pictures.
    """
    (learn, test), z = split, Frame.of(rows, names).deviations(rows)
    candidates, evidence, predicted = predictions(z, learn, test, label, priors, names)
    return Lesson(candidates, evidence, predicted.astype(np.float32), label[test] == 1, others[test], person, title)


def lessons(place: World, persons: int) -> list[Lesson]:
    """Learnings of all persons; every second with prior scores, every fifth without a network."""
    found = []
    for person in range(persons):
        label, liking = place.person(person)
        rng = np.random.default_rng([person])
        for number, size in enumerate(SIZES):
            learn, test = place.split(label, size, rng)
            rows = place.items if (person + number) % 5 == 0 else place.both
            names = place.names[: rows.shape[1]]
            priors, others = np.zeros((len(rows), 0)), np.zeros(len(rows))
            title = f"{size}+{size}" + (", no network" if rows is place.items else "")
            if (person + number) % 2 == 0:
                slope = SLOPES[(person // 2) % len(SLOPES)]
                others = slope * liking + rng.normal(size=len(liking))
                priors = np.stack([_cut(place.technical), _cut(others)], axis=1)
                title += f", others' mean of slope {slope}"
            found.append(lesson_of(rows, names, (learn, test), label, priors, others, person, title))
        progress(person + 1, persons, "persons")
    print()
    return found


def lessons_of_people(place: People, others_of: Sequence[Opinions]) -> list[Lesson]:
    """As ``lessons``, of real people; every second with prior scores, every fifth without a network.

    Appeal is learnt from photographs of other themes and from opinions of other sources.
    """
    found, appeal = [], held_out(place, folds(place), others_of, soart(place.names))
    for person in range(len(place)):
        label, _ = place.person(person)
        for number, size in enumerate(SIZES[:3]):
            rng = np.random.default_rng([size, person])
            learn, test = place.split(label, size, rng)
            liked = label[test] == 1
            if len(learn) < 2 * size or min(liked.sum(), (~liked).sum()) < FEWEST_TESTED:
                continue
            rows = place.items if (person + number) % 5 == 0 else place.both
            names = place.names[: rows.shape[1]]
            priors, others = np.zeros((len(rows), 0)), np.zeros(len(rows))
            title = f"people {size}+{size}" + (", no network" if rows is place.items else "")
            if (person + number) % 2 == 0:
                count = OTHERS[(person // 2) % len(OTHERS)]
                if count == APPEAL:
                    others = appeal
                else:
                    others = place.others(person, int(count), rng) if count else rng.normal(size=len(rows))
                others = np.nan_to_num(_cut(others))
                priors = np.stack([_cut(place.technical), others], axis=1)
                title += f", {count} {'others' * (count != APPEAL)}"
            found.append(lesson_of(rows, names, (learn, test), label, priors, others, person, title))
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


def auc(score: np.ndarray, liked: np.ndarray) -> float:
    """Chance that a liked picture scores higher than another; ties are not expected."""
    ranks = np.argsort(np.argsort(score)) + 1
    above = ranks[liked].sum() - liked.sum() * (liked.sum() + 1) / 2
    return float(above / (liked.sum() * (~liked).sum()))


def check(of_people: list[Lesson], planted: list[Lesson]) -> None:
    """Print the gain of learnt beliefs over equal ones, on persons that they were not learnt on."""
    gains: dict[str, list[list[float]]] = {}
    for half in (0, 1):
        # Whether a lesson has prior scores, and which, must not tell its half.
        learnt_from = [[lesson for lesson in some if lesson.person // 14 % 2 != half] for some in (of_people, planted)]
        logs = learn_beliefs(*learnt_from)
        for lesson in (lesson for lesson in (*of_people, *planted) if lesson.person // 14 % 2 == half):
            learnt = weights_of(lesson, _incidence(lesson), logs).numpy()
            equal = lesson.evidence - lesson.evidence.max()
            trusted = np.array([any(means) for means in (h.means for h in lesson.candidates)])
            # Without a trusted prior score the model is the one that has none.
            without = np.where(trusted, -np.inf, learnt)
            reached = [auc(np.exp(w - w.max()) @ lesson.predictions, lesson.liked) for w in (learnt, equal, without)]
            gains.setdefault(lesson.title, []).append([*reached, auc(lesson.others, lesson.liked)])
    for title, rows in sorted(gains.items()):
        first, *others = np.array(rows).T
        line = f"{title:42} {len(rows):3} {first.mean():.3f}"
        for name, values in zip(("equal beliefs", "without", "prior alone"), others, strict=True):
            error = 1.96 * (first - values).std() / np.sqrt(len(first))
            line += f"  {name} {values.mean():.3f} ({(first - values).mean():+.3f} ± {error:.3f})"
        print(line)


def compare_cautions(place: World, persons: int) -> None:
    """Print for every caution the AUC of tastes minus that without prior scores, and minus others' mean alone."""
    names, z = place.names, Frame.of(place.both, place.names).deviations(place.both)
    gains: dict[tuple[int, float, float], list[tuple[float, float]]] = {}
    for person in range(FIRST_CAUTIOUS, FIRST_CAUTIOUS + persons):
        label, liking = place.person(person)
        for size in SIZES:
            learn, test = place.split(label, size, np.random.default_rng([size, person]))
            truth = label[test] == 1
            for slope in sorted(set(SLOPES)):
                others = slope * liking + np.random.default_rng([3, person]).normal(size=len(liking))
                priors = np.stack([_cut(place.technical), _cut(others)], axis=1)
                candidates, evidence, predicted = predictions(z, learn, test, label, priors, names)
                untrusted = np.array([sum(not mean for mean in h.means) for h in candidates])
                logs = log_weights(candidates, evidence)
                without = auc(np.exp(logs[untrusted == len(PRIORS)]) @ predicted[untrusted == len(PRIORS)], truth)
                for caution in CAUTIONS:
                    added = caution - CAUTION
                    cautious = [
                        replace(h, trust=h.trust + added * n) for h, n in zip(candidates, untrusted, strict=True)
                    ]
                    reached = auc(np.exp(log_weights(cautious, evidence)) @ predicted, truth)
                    gains.setdefault((size, slope, caution), []).append(
                        (reached - without, reached - auc(others[test], truth))
                    )
    print(f"AUC of {persons} persons; others' mean of slope 0 is useless")
    for (size, slope, caution), rows in sorted(gains.items()):
        line = f"{size}+{size}, slope {slope:3}, caution {caution}:"
        for name, values in zip(("without", "others alone"), np.array(rows).T, strict=True):
            line += f"  − {name} {values.mean():+.4f} ± {1.96 * values.std() / np.sqrt(len(values)):.4f}"
        print(line, flush=True)


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
                word: f"Trust({t.mean}, {t.deviation}, {next(values) + (0 if t.mean else CAUTION):.3f})"
                for word, t in trusts.items()
            }
        )
    assign(found)


def main() -> None:
    """Learn, and check or write."""
    parser = command(__doc__, cache=True)
    parser.add_argument("--persons", type=int, default=160)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--caution", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.caution:
        compare_cautions(world(arguments.cache, development=True), arguments.persons)
        return
    every = (
        lessons_of_people(people(arguments.cache, development=True), list(other_opinions(arguments.cache).values())),
        lessons(world(arguments.cache, development=True), arguments.persons),
    )
    if arguments.check:
        check(*every)
    else:
        write(learn_beliefs(*every))


if __name__ == "__main__":
    main()
