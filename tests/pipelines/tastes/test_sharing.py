"""Cards of tastes, and populations joined from them."""

import numpy as np
import pytest

from soart.errors import TasteError
from soart.metrics.tastes.card_space import card_space
from soart.metrics.tastes.cards import Card, save_card
from soart.pipelines.scoring.taste_store import TasteStore
from soart.pipelines.tastes.sharing import join_population, share_taste


def test_a_copy_of_a_card_counts_once(tmp_path):
    """Two copies of one card were joined as three people."""
    space, rng = card_space(), np.random.default_rng(3)
    files = [tmp_path / f"{number}.card" for number in range(4)]
    for file in files[:3]:
        save_card(Card(space.version, rng.standard_normal(space.width), 0.1 * np.eye(space.width)), file)
    files[3].write_bytes(files[0].read_bytes())
    with pytest.raises(TasteError, match=r"at least 3 cards to join, got 2.*3\.card' is the same card as .*0\.card'"):
        join_population("friends", [files[0], files[1], files[3]], profiles=TasteStore(tmp_path))
    population, problems = join_population("friends", files, profiles=TasteStore(tmp_path))
    assert (population.cards, len(problems)) == (3, 1)


def test_cards_are_refused_in_one_sentence(learnt, tmp_path):
    for wrong in ({"taste": None}, {"taste": learnt.taste, "noise": "1"}, {"taste": learnt.taste, "rng": 5}):
        with pytest.raises(TasteError, match="Expected"):
            share_taste(**wrong)
    for wrong in ({"cards": [1, 2, 3]}, {"cards": 5}, {"cards": "abc"}, {"cards": [], "seed": -1}):
        with pytest.raises(TasteError, match="Expected"):
            join_population("friends", **wrong, profiles=TasteStore(tmp_path))
    with pytest.raises(TasteError, match="name of the population as text, got 5"):
        join_population(5, [])
    for call in (
        lambda: join_population("friends", [], profiles="folder"),
        lambda: share_taste("a", profiles="folder"),
    ):
        with pytest.raises(TasteError, match="stored as a TasteStore, got 'folder'"):
            call()
    with pytest.raises(TasteError, match="at least 3 cards to join, got 0"):
        join_population("friends", tmp_path.glob("*.card"), profiles=TasteStore(tmp_path))
