import numpy as np
import pytest

from soart.pipelines.tuning.alarms import appearance, find_alarms, spread


@pytest.fixture
def quiet():
    rng = np.random.default_rng(3)
    return (rng.normal(size=(8, 5)), rng.normal(size=(8, 5))), (rng.normal(size=8), rng.normal(size=8))


def test_no_alarm_where_nothing_happens(quiet):
    items, scores = quiet
    assert find_alarms(items, {"saturation": (scores[0], scores[1])}, scores, ("a judge", *scores)) == []
    few = (items[0][:3], items[1])
    assert find_alarms(few, {}, scores) == []


def test_alarms(quiet):
    (first, last), (early, late) = quiet
    assert "Diversity" in find_alarms((first, 0.05 * last), {}, (early, late))[0]
    assert "Diversity" in find_alarms((first, np.repeat(last[:1], 8, axis=0)), {}, (early, late))[0]
    assert find_alarms((first, 0.6 * last), {}, (early, late)) == []
    drift = find_alarms((first, last), {"contrast": (early, late - 9)}, (early, late))
    assert len(drift) == 1
    assert "contrast went down" in drift[0]
    against = find_alarms((first, last), {}, (early, early + 5), ("the other", early, early - 5))
    assert len(against) == 1
    assert "the other" in against[0]
    # People rate only some of the pictures.
    some = (np.where(np.arange(8) < 5, early, np.nan), np.where(np.arange(8) < 5, early + 5, np.nan))
    assert find_alarms((first, last), {}, some, ("the other", early, early - 5)) == [
        against[0].replace(f"{5 / early.std(ddof=1):.1f}", f"{5 / early[:5].std(ddof=1):.1f}", 1)
    ]
    three = (np.where(np.arange(8) < 3, early, np.nan), early + 5)
    assert find_alarms((first, last), {}, three, ("the other", early, early - 5)) == []
    constant = (np.ones((8, 5)), np.ones((8, 5)))
    assert find_alarms(constant, {"x": (np.ones(8), np.ones(8))}, (np.ones(8), np.ones(8))) == []


def test_appearance():
    red = np.zeros((4, 4, 3), dtype=np.uint8)
    red[..., 0] = 255
    assert appearance(red) == pytest.approx({"saturation": 1.0, "contrast": 0.0}, abs=1e-6)
    board = np.zeros((4, 4, 3), dtype=np.uint8)
    board[::2] = 255
    assert appearance(board) == pytest.approx({"saturation": 0.0, "contrast": 0.5}, abs=1e-6)
    assert spread(np.zeros((1, 3))) == 0
    assert spread(np.array([[0.0], [2.0]])) == pytest.approx(2.0)
