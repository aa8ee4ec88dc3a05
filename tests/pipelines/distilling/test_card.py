"""Trust cards: shares of wins, where the second taste turns, variety, and the sentences."""

import json
import math
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from soart.pipelines.distilling.card import AtStrength, TrustCard, turning, variety_of, wins_of

NAN = math.nan
CARD = TrustCard(
    taste="mine@1", model="embedded@1", pictures=48, new_prompts=True, wins=0.75, low=0.64, high=0.84, second_wins=0.7,
    values=(50.0, 61.0), adherence=(0.91, 0.9), freedom=(70.0, 69.0), variety=0.82, other_adherence=(0.93, 0.92),
    other_change=0.31, strengths=(AtStrength(0.0, 50.0, 0.0, 0.9), AtStrength(1.0, 61.0, 0.4, 0.9)), turns=1.5,
    learnt_from=160, steps=40,
)  # fmt: skip


def test_wins_have_the_interval_of_wilson():
    rng = np.random.default_rng(0)
    share, low, high = wins_of(np.ones(30), np.r_[np.zeros(20), np.full(10, 2)])
    assert share == pytest.approx(2 / 3)
    # The ends are the shares from which the observed one is 1.645 deviations away.
    for end in (low, high):
        assert abs(share - end) / math.sqrt(end * (1 - end) / 30) == pytest.approx(1.645, abs=1e-3)
    assert wins_of(np.zeros(4), np.zeros(4))[0] == 0.5
    assert wins_of(np.ones(4), np.zeros(4))[2] == pytest.approx(1)
    covered = [
        low <= 0.7 <= high
        for _, low, high in (wins_of((rng.random(40) < 0.7) * 1.0, np.full(40, 0.5)) for _ in range(400))
    ]
    assert 0.85 < np.mean(covered) < 0.96


def test_the_second_taste_turns_at_its_highest():
    assert turning([0, 0.5, 1, 2], [0, 1, 0.5, 0.2]) == 0.5
    assert turning([0, 0.5, 1, 2], [0, -1, -2, -3]) == 0
    assert turning([0, 0.5, 1, 2], [0, 1, 2, 3]) is None
    assert turning([0, 1], [0, NAN]) is None


def test_variety_is_the_mean_distance_within_prompts():
    rng = np.random.default_rng(1)
    items, prompts, spread = rng.normal(size=(7, 3)), list("aabbbbc"), np.array([1.0, 2.0, 0.5])
    naive = [
        np.mean([math.sqrt(np.mean(((items[i] - items[j]) / spread) ** 2)) for i, j in combinations(rows, 2)])
        for rows in ([0, 1], [2, 3, 4, 5])
    ]
    assert variety_of(items, prompts, spread) == pytest.approx(np.mean(naive))
    assert math.isnan(variety_of(items, list("abcdefg"), spread))


def test_the_card_says_what_is_known():
    text = " ".join(CARD.sentences())
    for part in ("75 % of 48 pairs of new prompts (90 %: 64 … 84)", "from 50 to 61", "prefers it in 70 %", "beyond a strength of 1.5",
                 "0.91 without it, 0.90 with it", "0.82 times", "change 31 % as much as from one seed to another"):  # fmt: skip
        assert part in text
    assert "chance" not in text
    assert "not shown to be more than chance" in " ".join(replace(CARD, low=0.45).sentences())
    assert "No second taste checks" in " ".join(replace(CARD, second_wins=NAN).sentences())
    assert "still rises at 1 times" in " ".join(replace(CARD, turns=None).sentences())
    assert "do not use it" in " ".join(replace(CARD, turns=0.0).sentences())
    assert "seed to another, or more" in " ".join(replace(CARD, other_change=6e6).sentences())
    bare = replace(CARD, adherence=(NAN, NAN), other_change=NAN, other_adherence=(NAN, NAN), variety=NAN)
    assert len(bare.sentences()) == len(CARD.sentences()) - 3
    assert "nan" not in " ".join(bare.sentences())


def test_the_card_is_json():
    plain = json.loads(json.dumps(replace(CARD, variety=NAN).as_json(), allow_nan=False))
    assert plain["variety"] is None
    assert plain["strengths"][1] == {"strength": 1.0, "value": 61.0, "second": 0.4, "adherence": 0.9}
    assert plain["values"] == [50.0, 61.0]
