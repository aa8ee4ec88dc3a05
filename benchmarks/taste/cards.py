"""Measures cards: the gain from a population's cards, the loss of contrarians, and how far a card tells whose it is.

    python benchmarks/taste/cards.py [--persons 100] [--raters 200] [--development] [--part gain|membership]…

The raters are of five kinds: a kind likes a mixture of three properties (``real_tastes.py``), a rater that and a taste
of his or her own. Each makes a card from 16+16 views. Tested persons learn from 4+4 to 12+12 views: some of the same
kinds; *contrary* ones, who like what a kind does not; and *independent* ones, whose tastes nothing shares. Cards are of
the learning sources, tested persons of the unseen ones, so nobody has rated a test picture. With ``--development`` both
are halves of the learning sources, and the kinds are others. Intervals are 95 % t intervals over persons.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.metrics import roc_auc_score

from soart.benchmarks.common import command, interval
from soart.benchmarks.data.real_tastes import World, world
from soart.metrics.tastes.card_space import card_space, kind_scores
from soart.metrics.tastes.cards import Card, largest_auc, likelihoods, noisy, weights_of
from soart.metrics.tastes.examples import from_modes
from soart.metrics.tastes.fitting import Scaling, fit
from soart.metrics.tastes.population import CardEvidence, Population, join_cards

KINDS, RATED, SIZES = 5, 16, (4, 8, 12)
NOISES = (0.0, 0.5, 1.0, 2.0)
#: A rater's own taste against that of the kind, in standard deviations.
OWN = 0.5
SEED = 23


@dataclass(frozen=True)
class Place:
    """Views that may be rated: a world, the coordinates of its views, and which of them are used."""

    world: World
    coordinates: np.ndarray
    used: np.ndarray

    def split(self, label: np.ndarray, size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """As ``World.split``, among the views that are used."""
        return self.world.split(np.where(self.used, label, 0), size, rng)


class People:
    """Kinds of people, and persons of them.

    Args:
        properties: names of the properties that tastes are made of.
        seed: of the kinds and of all persons.
    """

    def __init__(self, properties: list[str], seed: int) -> None:
        self.properties, self.seed = properties, seed

    def _mixture(self, place: World, rng: np.random.Generator, count: int) -> np.ndarray:
        liking = np.zeros(len(place.source))
        for name in rng.choice(self.properties, count, replace=False):
            liking += rng.choice([-1, 1]) * rng.uniform(0.5, 1.5) * place.properties[name]
        return _standard(liking)

    def kind(self, place: World, number: int) -> np.ndarray:
        """(n,) standardised liking of a kind."""
        return self._mixture(place, np.random.default_rng([SEED, self.seed, 1, number]), 3)

    def labels(self, place: World, number: int, kind: int | None, sign: int = 1) -> np.ndarray:
        """(n,) labels 1, −1 or 0 of a person: of a kind, against it (``sign`` −1), or of none."""
        rng = np.random.default_rng([SEED, self.seed, 2, number])
        liking = self._mixture(place, rng, int(rng.integers(1, 4)))
        if kind is not None:
            liking = _standard(sign * self.kind(place, kind) + OWN * liking)
        liking = _standard(liking + rng.uniform(0.3, 0.9) * rng.normal(size=500)[place.source])
        liking = _standard(liking + rng.uniform(0.2, 0.6) * rng.normal(size=len(liking)))
        low, high = np.quantile(liking, (0.4, 0.6))
        return np.where(liking >= high, 1, np.where(liking <= low, -1, 0))


def _standard(values: np.ndarray) -> np.ndarray:
    deviations: np.ndarray = values - values.mean()
    return deviations / (deviations.std() + 1e-12)


def card(place: Place, label: np.ndarray, seed: int, size: int = RATED) -> tuple[Card, np.ndarray]:
    """A card without noise from ``size`` liked and disliked views, and the numbers of those views."""
    learn, _ = place.split(label, size, np.random.default_rng([SEED, 3, seed]))
    mean, covariance = weights_of(place.coordinates[learn], label[learn].astype(float), np.ones(len(learn)))
    return Card(card_space().version, mean, covariance), learn


def with_noise(cards: list[Card], noise: float, seed: int = 0) -> list[Card]:
    """The same cards with noise."""
    rng = np.random.default_rng([SEED, 4, seed])
    return [Card(c.space, *noisy(c.mean, noise, rng), noise) for c in cards] if noise else cards


def learnt_auc(
    place: Place, label: np.ndarray, learn: np.ndarray, test: np.ndarray, population: Population | None
) -> float:
    """AUC of a taste on the test views, learnt with the usual prior scores and perhaps a population."""
    rows, names = place.world.both, place.world.names
    priors, prior_names = place.world.told, place.world.told_names
    if population is not None:
        priors = np.hstack([priors, kind_scores(population.means, rows)])
        prior_names += population.prior_names
    half = len(learn) // 2
    parts = {"good": learn[:half], "bad": learn[half:]}
    found = from_modes(
        {mode: rows[r] for mode, r in parts.items()}, {mode: place.world.source[r] for mode, r in parts.items()}
    )
    found = type(found)(found.items, found.liking, found.modes, found.groups, found.pictures, priors=priors[learn],
                        prior_names=prior_names)  # fmt: skip
    fitted = fit(found, names, Scaling.of(rows, priors, names))
    return float(roc_auc_score(label[test] == 1, fitted(rows[test], priors[test])))


def gain(cards: list[Card], people: People, place: Place, persons: int) -> None:
    """Print the AUC of tastes learnt with and without populations, and paired differences."""
    populations = {noise: join_cards("p", with_noise(cards, noise)) for noise in NOISES[:3]}
    for noise, population in populations.items():
        print(f"cards with noise {noise:g}: {len(population.shares)} kinds found, shares {population.shares.round(2)}")
    reached: dict[tuple[str, int, str], list[float]] = {}
    for number in range(persons):
        for who in ("of a kind", "contrary", "independent"):
            kind = None if who == "independent" else number % KINDS
            label = people.labels(place.world, 10_000 + number, kind, -1 if who == "contrary" else 1)
            for size in SIZES:
                learn, test = place.split(label, size, np.random.default_rng([SEED, 5, number, size]))
                row = {"without": None}
                row |= {f"noise {noise:g}": p for noise, p in populations.items() if size < SIZES[-1]}
                for title, population in row.items():
                    value = learnt_auc(place, label, learn, test, population)
                    reached.setdefault((who, size, title), []).append(value)
    most = np.array(reached["of a kind", SIZES[-1], "without"])
    print(f"\nAUC of {persons} persons each; without: no cards")
    for (who, size, title), values in reached.items():
        line = f"  {who:12} {size:2}+{size:<2} {title:10} {np.mean(values):.3f}"
        if title != "without":
            mean, low, high = interval(np.array(values) - np.array(reached[who, size, "without"]))
            line += f"   − without {mean:+.3f} ({low:+.3f} … {high:+.3f})"
            if who == "of a kind":
                mean, low, high = interval(np.array(values) - most)
                line += f"   − without at {SIZES[-1]}+{SIZES[-1]} {mean:+.3f} ({low:+.3f} … {high:+.3f})"
        print(line, flush=True)


def membership(cards: list[Card], rated: list[np.ndarray], labels: list[np.ndarray], place: Place) -> None:
    """Print AUCs of attacks on cards; 0.5 tells nothing.

    Two raters of one kind, or any two: which of them made this card? The attacker knows other ratings of both (16+16 of
    pictures that the card was not learnt from), or everything but the noise. Pictures: was this one, whose rating is
    known, among those rated for the card? Population: was this rater's card, which is known, among the half that was
    joined?
    """
    count = len(cards)
    others = []
    for number, label in enumerate(labels):
        left = np.where(np.isin(place.world.source, place.world.source[rated[number]]), 0, label)
        others.append(card(place, left, 50_000 + number)[0])
    print("\nAUC of attacks on cards (the largest possible one by theory in brackets)")
    for noise in NOISES:
        shown = with_noise(cards, noise, 1)
        rows: dict[str, list[float]] = {}
        # A card is nearer to its rater in the metric of its own uncertainty.
        shifts, precisions = likelihoods(shown)
        for number in range(count):
            for title, step in (("of one kind", KINDS), ("any two", KINDS + 1)):
                other = (number + step * 7) % count
                for knows, known in (("other ratings", others), ("all", cards)):
                    own, foreign = (
                        shifts[number] @ known[i].mean - known[i].mean @ precisions[number] @ known[i].mean / 2
                        for i in (number, other)
                    )
                    rows.setdefault(f"{title}, attacker knows {knows}", []).append(float(own > foreign))
            among = np.flatnonzero(place.used & (labels[number] != 0))
            fits = labels[number] * (place.coordinates @ shown[number].mean)
            rows.setdefault("a picture", []).append(roc_auc_score(np.isin(among, rated[number]), fits[among]))
        half = np.random.default_rng([SEED, 6]).permutation(count) < count // 2
        population = join_cards("p", [c for c, inside in zip(shown, half, strict=True) if inside])
        known = CardEvidence.of(*likelihoods(cards))
        parts = [np.log(s) + known.log_likelihood(m, float(v)) for s, m, v in
                 zip(population.shares, population.means, population.variances, strict=True)]  # fmt: skip
        fit_to_all = np.logaddexp.reduce(parts, axis=0) - known.log_likelihood(np.zeros(len(cards[0].mean)), 0.1)
        print(f"noise {noise:g} [{largest_auc(noise):.2f}]")
        for title, values in rows.items():
            mean, low, high = interval(np.array(values))
            print(f"  {title:44} {mean:.3f} ({low:.3f} … {high:.3f})")
        print(f"  {'in a population of ' + str(count // 2):44} {roc_auc_score(half, fit_to_all):.3f}", flush=True)


def main() -> None:
    """Run the parts asked for, all by default."""
    parser = command(__doc__, cache=True)
    parser.add_argument("--persons", type=int, default=100)
    parser.add_argument("--raters", type=int, default=200)
    parser.add_argument("--development", action="store_true", help="learning sources alone, and other kinds")
    parser.add_argument("--part", choices=("gain", "membership"), action="append", help="repeat for several")
    arguments = parser.parse_args()
    learning = world(arguments.cache, development=True)
    tested = learning if arguments.development else world(arguments.cache, development=False)
    properties = sorted(set(learning.properties) & set(tested.properties))
    people = People(properties, 7 if arguments.development else 8)
    coordinates = card_space().coordinates(learning.both)
    first = np.ones(len(learning.source), dtype=bool)
    if arguments.development:
        first = np.random.default_rng(SEED).permutation(learning.source.max() + 1)[learning.source] % 2 == 0
    raters = Place(learning, coordinates, first)
    place = (
        Place(learning, coordinates, ~first)
        if arguments.development
        else Place(tested, card_space().coordinates(tested.both), np.ones(len(tested.source), dtype=bool))
    )
    labels = [people.labels(learning, number, number % KINDS) for number in range(arguments.raters)]
    made = [card(raters, label, number) for number, label in enumerate(labels)]
    cards, rated = [one for one, _ in made], [rows for _, rows in made]
    wanted = arguments.part or ("gain", "membership")
    if "gain" in wanted:
        gain(cards, people, place, arguments.persons)
    if "membership" in wanted:
        membership(cards, rated, labels, raters)


if __name__ == "__main__":
    main()
