"""Measures words that were never drawn, with and without their meaning.

A space has a slot for each of the subjects, palettes, styles and qualities of the embedded model. In each slot the first
word of every option may be drawn, and its synonyms may not. A taste gives each option a standard normal effect, each
pair of options one of deviation 0.3, and each rating noise of deviation 0.5; synonyms have the effects of their option.
After random pictures of the words that may be drawn, the rating model predicts all of them. Meanings come from the text
encoder of the embedded model.

* rank: share of the never-drawn words of a slot that the model places above the best of them, in truth, beside the
  recommended words of the other slots. 0 is perfect and 0.5 chance. Words that are as good count as neither.
* quality: true value of the recommended choice among the words that were drawn, from 0 for the mean choice to 1 for the
  best. "shuffled" gives every word the meaning of another word of its slot, so the difference to "none" is the cost of
  meanings that mean nothing.

All of them learn from the same ratings. Tastes 0… are for reporting; nothing was tuned on them.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

import soart
from soart.benchmarks.common import command, half_width
from soart.pipelines.tiny.words import FACTORS
from soart.prompts.rating_model.model import RatingModel
from soart.prompts.space.slots import Slot
from soart.prompts.steering.search import Domain, best_of
from soart.prompts.steering.spaces import similarities_of

SLOTS = ("subject", "palette", "style", "quality")
PAIRS, NOISE = 0.3, 0.5
KINDS = ("none", "meaning", "shuffled")


def words_of(factor: str) -> tuple[list[str], np.ndarray]:
    """The words of a factor that mean one of its options, each option's first, and the option of each."""
    options = list(FACTORS[factor].values())
    every = [word for words in options for word in words]
    pairs = [(words[0], number) for number, words in enumerate(options)]
    pairs += [(word, n) for n, words in enumerate(options) for word in words[1:] if every.count(word) == 1]
    return [word for word, _ in pairs], np.array([number for _, number in pairs])


def run(seed: int, pictures: int, generator: soart.ImageGenerator) -> dict[str, tuple[float, float]]:
    """Rank and quality of each kind of likeness for one taste."""
    rng = np.random.default_rng([91, seed])
    words, means = zip(*[words_of(factor) for factor in SLOTS], strict=True)
    space = soart.PromptSpace(tuple(Slot(name, texts) for name, texts in zip(SLOTS, words, strict=True)))
    known = [len(FACTORS[factor]) for factor in SLOTS]
    effects = [rng.standard_normal(count) for count in known]
    both = {pair: PAIRS * rng.standard_normal([known[i] for i in pair]) for pair in combinations(range(4), 2)}

    def truth(choices: np.ndarray) -> np.ndarray:
        options = [mean[column] for mean, column in zip(means, choices.T, strict=True)]
        main = sum(effect[option] for effect, option in zip(effects, options, strict=True))
        total: np.ndarray = main + sum(table[options[i], options[j]] for (i, j), table in both.items())
        return total

    drawable = Domain.of(space.levels, [np.arange(n) < count for n, count in zip(space.levels, known, strict=True)])
    choices = drawable.random(rng, pictures)
    ratings = truth(choices) + NOISE * rng.standard_normal(pictures)
    everything = drawable.everything()
    values = truth(everything)
    meanings = generator.meanings([word for texts in words for word in texts])
    mixed = {
        word: meanings[other] for texts in words for word, other in zip(texts, rng.permutation(texts), strict=True)
    }
    results = {}
    for kind, vectors in zip(KINDS, (None, meanings, mixed), strict=True):
        model = RatingModel(space.levels, similarities=similarities_of(space, vectors)).fit(choices, ratings)
        mean = model.means()[0]
        best = best_of(mean, drawable, rng)
        quality = (float(truth(best)[0]) - values.mean()) / (values.max() - values.mean())
        ranks = []
        for slot, count in enumerate(known):
            # Each word beside the recommended others.
            unseen = np.repeat(best, space.levels[slot] - count, axis=0)
            unseen[:, slot] = np.arange(count, space.levels[slot])
            expected, true = mean(unseen)[0].round(9), truth(unseen)
            top = np.isclose(true, true.max())
            above = expected[~top] - expected[top][:, None]
            ranks.append(float(((above > 0) + (above == 0) / 2).mean()))
        results[kind] = (float(np.mean(ranks)), quality)
    return results


def main() -> None:
    """Print the table."""
    arguments = command(__doc__, seeds=40, pictures=40).parse_args()
    generator = soart.ImageGenerator(soart.load_model(device="cpu"))
    seeds = range(arguments.seeds)
    runs = [run(seed, arguments.pictures, generator) for seed in seeds]
    print(f"{arguments.pictures} pictures, mean ± half of the 90 % interval over {len(runs)} tastes")
    print(f"{'likeness':12}{'rank':>16}{'quality':>16}{'quality − none':>18}")
    table = np.array([[result[kind] for kind in KINDS] for result in runs])
    for number, kind in enumerate(KINDS):
        columns = np.column_stack([table[:, number], table[:, number, 1] - table[:, 0, 1]])
        cells = zip(columns.mean(axis=0), half_width(columns), ("9.3f", "9.3f", "+11.3f"), strict=True)
        print(f"{kind:12}" + "".join(f"{mean:{form}} ± {half:.3f}" for mean, half, form in cells))


if __name__ == "__main__":
    main()
