"""Learns the beliefs in kernels over how pictures were made, ``MAKINGS`` in ``metrics/tastes/beliefs.py``, and prints them.

    python benchmarks/taste/build_makings.py [--persons 60] [--people 300] [--word-vectors FOLDER] [--write | --report]

Lessons are of tastes planted in pictures of known makers (``makers.py``; prompts and persons for development; half of the
lessons have a share of the maker of 0.3, half of 0), in prompts as such, which other pictures share, and of real people whose photographs have a theme, such as "beach", in
place of a prompt (``people.py``; half for development; themes are held out, so that only the meaning of words can help). All
other beliefs are as they are. Beliefs are those with which the average of hypotheses ranks held-out pictures best (pairwise
logistic loss, by gradient), less ``CAUTION``: the least of those compared with which lessons without a share of the maker lose at
most 0.005. Printed are:

* the beliefs learnt, and those with a size of its own for the kernel over how pictures were made, relative to that over items;
* what each caution gains and costs against the same taste that does not read how pictures were made;
* bounds: what the makers gain in a Gaussian process with the very covariance of the planted liking, and in soart's
  hypotheses without prior scores if the share is known;
* what words gain on real people as they are believed in more. With ``--word-vectors``, the folder of the package wordllama, also
  words as near as their vectors, in place of WordNet's groups.

``--write`` writes the beliefs into the module. ``--report`` prints the last of the people and themes of the other half alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch

from soart.benchmarks.common import command, interval, progress
from soart.benchmarks.data.makers import Made, generators, requests
from soart.benchmarks.data.people import people, pictures
from soart.benchmarks.taste.build_beliefs import assign, auc
from soart.benchmarks.taste.makers import FIRST, SHARES, SIZES
from soart.benchmarks.taste.people_report import split
from soart.metrics.protocols import Making
from soart.metrics.tastes import beliefs
from soart.metrics.tastes.fitting import Scaling
from soart.metrics.tastes.item_kernels import ItemKernels
from soart.metrics.tastes.making_kernels import MakingKernels
from soart.metrics.tastes.mixture import Hypothesis, beliefs_in_generated, fit_all, hypotheses, joined, log_weights
from soart.metrics.tastes.taste import priors_of_items
from soart.pipelines.ingest.metadata.words import prompt_words
from soart.prompts.rating_model.similarity import nearness
from soart.training.appeal import learn_appeal

#: Sizes of L beside K; with 0.71 the shares of items and makers are those of the planted liking.
USUAL, KNOWN, RATIOS = 1.0, 0.3 / 0.42, (0.35, 1.0, 2.0)
CAUTION, CAUTIONS = 1.25, (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
NEAR, ALONE, PROMPTS = "word vectors", "alone", "prompts"
#: What persons like in each kind of planted lesson.
FACTS = {generators.__name__: "model", requests.__name__: "settings", PROMPTS: "words"}
#: Steps, lessons in each, rate and shrinkage of learning.
STEPS, LESSONS, RATE, SHRINKAGE = 60, 48, 0.1, 0.0005
#: Kernel over how pictures were made (none: empty), size of it beside K, and whether there is a K.
Form: TypeAlias = tuple[str, float, bool]
NONE: Form = ("", USUAL, True)
#: Kernels by name: (n, n) between learning pictures, and (t, n) between test and learning pictures.
Kernels: TypeAlias = Mapping[str, tuple[np.ndarray, np.ndarray]]
#: Log belief in a form.
Belief: TypeAlias = Callable[[Form], float]


@dataclass(frozen=True)
class Lesson:
    """One learning: sums over the hypotheses of each of T combinations of trusts and of each of G forms, of which the first is ``NONE``.

    Attributes:
        forms: (G,).
        tempered, shown, believed: (T, G) logs of Σ b e^β, Σ b e and Σ b, without the belief in the form.
        predictions: (T, G, t) means weighted by b e^β.
        trusts: (T,) log beliefs.
        trusting: (T,) True where a prior score is trusted.
        liked: (t,) which test pictures are liked.
        bounds: scores of the test pictures by name.
    """

    forms: list[Form]
    tempered: np.ndarray
    shown: np.ndarray
    believed: np.ndarray
    predictions: np.ndarray
    trusts: np.ndarray
    trusting: np.ndarray
    liked: np.ndarray
    bounds: Mapping[str, np.ndarray]


def forms_of(
    candidates: Sequence[Hypothesis], weights: np.ndarray, kernels: ItemKernels, names: Sequence[str]
) -> Iterator[tuple[float, list[Hypothesis]]]:
    """Yield hypotheses with a kernel over how pictures were made, without a belief in it, by its size beside K."""
    for ratio in sorted({*RATIOS, USUAL, KNOWN}):
        more = joined(candidates, weights, kernels.names, ["words"] * len(names))
        # Alone it has the sizes of a kernel over items.
        yield ratio, [h for h in more if h.kernel >= 0 or ratio == USUAL]


def lesson_of(
    z: np.ndarray,
    priors: np.ndarray,
    scaling: Scaling,
    split_of: tuple[np.ndarray, np.ndarray],
    label: np.ndarray,
    made: Kernels,
    candidates_of: Callable[[ItemKernels], list[Hypothesis]],
    bounds: Mapping[str, np.ndarray],
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

    def add(ratio: float, some: Sequence[Hypothesis], evidence: np.ndarray, alphas: np.ndarray) -> None:
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
                told = told + h.amplitude * ratio * (made[name][1] @ alpha)
            form = (name, ratio, h.kernel >= 0) if name else NONE
            sums.setdefault(((h.means, h.deviations, h.trust), form), []).append((belief, float(shown), told))

    add(USUAL, every, evidence, alphas)
    for ratio, some in forms_of(every, weights, kernels, list(made)):
        add(ratio, some, *fit_all(some, base, y, np.ones(len(y)), priors[learn], None, [ratio * k for k, _ in made.values()]))  # fmt: skip
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
        forms, *logs, predicted, np.array([t[2] for t in trusts]), np.array([any(t[1]) for t in trusts]), label[test] == 1, bounds
    )  # fmt: skip


def score(lesson: Lesson, belief: Belief, *, priors: bool = True) -> np.ndarray:
    """(t,) liking of the test pictures; as ``mixture.log_weights``, with a belief in each form."""
    of_form = np.array([0.0 if form == NONE else max(belief(form), -1e6) for form in lesson.forms])
    tempered, shown, believed = (of + of_form for of in (lesson.tempered, lesson.shown, lesson.believed))
    marginal = np.logaddexp.reduce(shown, axis=1) - np.logaddexp.reduce(believed, axis=1)
    trust = lesson.trusts + beliefs.TEMPER_OF_TRUSTS * marginal
    trust = np.where(lesson.trusting & (not priors), -np.inf, trust)
    share = np.exp(tempered - np.logaddexp.reduce(tempered, axis=1)[:, None]) * np.exp(trust - trust.max())[:, None]
    liking: np.ndarray = np.einsum("tg,tgn->n", share / share.sum(), lesson.predictions)
    return liking


def reached(lessons: Sequence[Lesson], belief: Belief, *, priors: bool = True) -> np.ndarray:
    """AUC of every lesson."""
    return np.array([auc(score(lesson, belief, priors=priors), lesson.liked) for lesson in lessons])


def unread(form: Form) -> float:
    """No belief in any kernel over how pictures were made."""
    return -np.inf


def believing(table: Mapping[str, float], caution: float = 0.0) -> Belief:
    """Beliefs by name, as in ``MAKINGS``."""

    def belief(form: Form) -> float:
        name, ratio, with_items = form
        if name not in table or ratio != USUAL:
            return -np.inf
        return table[name] - caution + (0.0 if with_items else table[ALONE])

    return belief


def planted(place: Made, persons: int, size: int, share: float, *, by_prompt: bool = False) -> list[Lesson]:
    """Lessons of tastes planted in makers, or in prompts, of which other pictures are then among the tested ones."""
    names, scaling = priors_of_items(place.names), Scaling.of(place.both, place.told, place.names)
    z, priors = scaling.frame.deviations(place.both), scaling.priors(place.told)
    liked = place.prompt if by_prompt else place.maker
    same = (liked[:, None] == liked).astype(float)
    items = place.components @ place.components.T
    items /= np.mean(np.diag(items))

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
        bounds = {
            name: gaussian_process(0.42 * items + of * same, learn, test, label[learn], 0.33 + 0.3 - of)
            for name, of in (("makers known", share), ("makers unknown", 0.0))
        }
        found.append(lesson_of(z, priors, scaling, (learn, test), label, made, candidates_of, bounds))
    return found


def gaussian_process(
    kernel: np.ndarray, learn: np.ndarray, test: np.ndarray, y: np.ndarray, noise: float
) -> np.ndarray:
    """(t,) means of a Gaussian process with an unknown level."""
    dual = np.linalg.solve(kernel[np.ix_(learn, learn)] + 1.0 + noise * np.eye(len(learn)), y)
    mean: np.ndarray = (kernel[np.ix_(test, learn)] + 1.0) @ dual
    return mean


def word_vectors(folder: Path, texts: Sequence[str]) -> np.ndarray:
    """(n, d) means of the vectors of the tokens of texts, from the files of the package wordllama."""
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    (vectors,) = load_file(next((folder / "weights").glob("*.safetensors"))).values()
    tokenizer = Tokenizer.from_file(str(next((folder / "tokenizers").glob("*.json"))))
    return np.array(
        [vectors[tokenizer.encode(t, add_special_tokens=False).ids].mean(axis=0) for t in texts], dtype=float
    )


def of_people(cache: Path, count: int, size: int, vectors: Path | None, *, development: bool = True) -> list[Lesson]:
    """Lessons of real people, whose photographs' themes are words."""
    place, other = people(cache, development=development), people(cache, development=not development)
    told = np.column_stack(
        [place.technical, learn_appeal([other.opinions()], other.names).scores(place.both, place.names)]
    )
    written = pictures(cache)[0]
    themes = [written[number].rstrip("0123456789 ").lower() for number in place.folder.tolist()]
    makings = np.full(len(themes), None)
    makings[:] = [Making(words=tuple(prompt_words(theme))) for theme in themes]
    near = None if vectors is None else nearness(word_vectors(vectors, themes))
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
        if near is not None:
            made[NEAR] = near[np.ix_(learn, learn)], near[np.ix_(test, learn)]
        found.append(
            lesson_of(z, priors, scaling, (learn, test), label, made, lambda k: hypotheses(k.names, names), {})
        )
    return found


def learn_beliefs(lessons: Sequence[Lesson], ratios: Sequence[float]) -> dict[object, float]:
    """Log beliefs by name of the kernel, in ``ALONE``, and by ratio if there are several."""
    parts: list[object] = [*dict.fromkeys(f[0] for of in lessons for f in of.forms if f[0] not in ("", NEAR)), ALONE]
    parts += ratios if len(ratios) > 1 else []
    logs = torch.zeros(len(parts), dtype=torch.float64, requires_grad=True)
    optimiser, rng, average = torch.optim.Adam([logs], lr=RATE), np.random.default_rng(0), torch.zeros(len(parts))
    prepared = []
    for lesson in lessons:
        kept = [
            k for k, (name, ratio, with_items) in enumerate(lesson.forms)
            if name != NEAR and (not name or (ratio in ratios if with_items else ratio == USUAL))
        ]  # fmt: skip
        incidence = torch.zeros(len(kept), len(parts), dtype=torch.float64)
        for row, (name, ratio, with_items) in enumerate(lesson.forms[k] for k in kept):
            for part in (name, ratio if with_items and name else ALONE if name else None):
                if part in parts:
                    incidence[row, parts.index(part)] = 1.0
        values = (lesson.tempered, lesson.shown, lesson.believed)
        prepared.append((incidence, [torch.tensor(of[:, kept]) for of in values], torch.tensor(lesson.predictions[:, kept]), torch.tensor(lesson.trusts), torch.tensor(lesson.liked)))  # fmt: skip
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


def say(values: np.ndarray) -> str:
    """A mean difference with its 95 % interval."""
    mean, low, high = interval(values)
    return f"{mean:+.3f} ({low:+.3f} … {high:+.3f})"


def main() -> None:
    """Learn, and print."""
    parser = command(__doc__, cache=True)
    parser.add_argument("--persons", type=int, default=60)
    parser.add_argument("--people", type=int, default=300)
    parser.add_argument("--word-vectors", type=Path, help="folder of the package wordllama")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--report", action="store_true", help="words on the people and themes of the other half")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    of_makers = dict[tuple[str, float, int], list[Lesson]]()
    if not arguments.report:
        places = {kind.__name__: kind(arguments.cache).half(development=True) for kind in (generators, requests)}
        places[PROMPTS] = places[generators.__name__]
        wanted = list(product(places, SHARES, SIZES))
        for number, (kind, share, size) in enumerate(wanted):
            of_makers[kind, share, size] = planted(
                places[kind], arguments.persons, size, share, by_prompt=kind == PROMPTS
            )
            progress(number + 1, len(wanted), "lessons")
    of_words = {
        size: of_people(
            arguments.cache, arguments.people, size, arguments.word_vectors, development=not arguments.report
        )
        for size in SIZES[:3]
    }
    usual = believing(beliefs.MAKINGS)
    if of_makers:
        every = [lesson for lessons in (*of_makers.values(), *of_words.values()) for lesson in lessons]
        learnt = {str(k): v for k, v in learn_beliefs(every, (USUAL,)).items()}
        if arguments.write:
            cautious = {name: learnt[name] - CAUTION * (name != ALONE) for name in beliefs.MAKINGS}
            assign({"MAKINGS": "{" + ", ".join(f'"{name}": {value:.2f}' for name, value in cautious.items()) + "}"})
        print("learnt: " + ", ".join(f"{name} {value:.2f}" for name, value in learnt.items()))
        sized = learn_beliefs(every, RATIOS)
        print("with a size of its own: " + ", ".join(f"{name} {value:.2f}" for name, value in sized.items()))

        def own_size(form: Form) -> float:
            name, ratio, with_items = form
            if name not in sized or (ratio not in RATIOS if with_items else ratio != USUAL):
                return -np.inf
            return sized[name] + sized[ratio if with_items else ALONE]

        for (kind, share, size), lessons in of_makers.items():
            fact: Form = FACTS[kind], KNOWN, True
            before, without = reached(lessons, unread), reached(lessons, unread, priors=False)
            print(f"\n{kind}, share {share:g}, {size}+{size}: {before.mean():.3f} unread")
            forms = {"as it is": usual, "a size of its own": own_size}
            forms |= {f"caution {caution:g}": believing(learnt, caution) for caution in CAUTIONS}
            for title, belief in forms.items():
                print(f"  {title}: {say(reached(lessons, belief) - before)}")
            print(f"  no prior scores {without.mean():.3f}: as it is {say(reached(lessons, usual, priors=False) - without)}, share known {say(reached(lessons, lambda form, fact=fact: 60.0 if form == fact else -np.inf, priors=False) - without)}")  # fmt: skip
            true = {name: np.array([auc(of.bounds[name], of.liked) for of in lessons]) for name in lessons[0].bounds}
            print(f"  true covariance {true['makers known'].mean():.3f}, makers {say(true['makers known'] - true['makers unknown'])}", flush=True)  # fmt: skip
    for size, lessons in of_words.items():
        for priors in (True, False):
            before = reached(lessons, unread, priors=priors)
            print(f"\npeople, {size}+{size}, {len(lessons)}, {'all' if priors else 'no'} prior scores: {before.mean():.3f} unread")  # fmt: skip
            for name in ("words", NEAR)[: 2 if arguments.word_vectors else 1]:
                for belief in (beliefs.MAKINGS["words"], -2.0, -1.0, 0.0, 1.0):
                    one = believing({name: belief, ALONE: beliefs.MAKINGS[ALONE]})
                    print(f"  {name}, belief {belief:+g}: {say(reached(lessons, one, priors=priors) - before)}")


if __name__ == "__main__":
    main()
