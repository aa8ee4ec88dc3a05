"""Studies of planted choices: what counts as failed, and which batches alarms compare."""

import numpy as np
import pytest

from soart.pipelines.collection.tables import ImageRow
from soart.pipelines.tuning.findings import _first_and_last
from soart.pipelines.tuning.panel import Judgements
from soart.pipelines.tuning.study import Study, Trial


def trial(number, choice, problem=None, *, batch=0, drawn=True):
    row = ImageRow(id=number, sha256="", path="", problem=problem) if drawn else None
    return Trial(number, batch, choice, "", number, f"k{number}", row)


def test_a_choice_has_failed_if_no_seed_gave_a_sound_picture():
    study = Study(own=[trial(0, (0,), "black"), trial(1, (1,), "black"), trial(2, (1,)), trial(3, (2,), drawn=False)])
    assert [failed.choice for failed in study.failed] == [(0,)]
    assert [drawn.number for drawn in study.drawn] == [2]


def test_alarms_compare_the_first_batch_with_the_last():
    trials = [trial(number, (number,), batch=number // 4) for number in range(12)]
    # Leaders that are drawn again look alike on purpose.
    trials += [trial(12 + number, (number,), batch=3) for number in range(4)]
    values = np.zeros(len(trials))
    judged = Judgements(trials, [each.row for each in trials], values[:, None], {"s": values}, {"s": 1.0}, frozenset())
    first, last = _first_and_last(judged)
    assert (first.tolist(), last.tolist()) == ([0, 1, 2, 3], [8, 9, 10, 11])


@pytest.mark.parametrize("count", [3, 4])
def test_one_batch_alone_is_not_compared(count):
    trials = [trial(number, (number,)) for number in range(count)]
    values = np.zeros(count)
    judged = Judgements(trials, [each.row for each in trials], values[:, None], {"s": values}, {"s": 1.0}, frozenset())
    assert _first_and_last(judged) is None
