import threading

import pytest

from soart.errors import SoartError
from soart.pipelines.support import picking as module
from soart.pipelines.support.picking import Picking


def test_an_answer_ends_the_wait_and_closes_the_question():
    picking = Picking()
    first, second = picking.ask([1, 2, 5], 60, {"node": "5"}), picking.ask([1], 60, {"node": "6"})
    assert [one["node"] for one in picking.waiting()] == ["5", "6"]
    picking.answer(first["id"], [5, 1, 5])
    # It is no longer to be answered, though nobody has taken the answer yet.
    assert [one["node"] for one in picking.waiting()] == ["6"]
    with pytest.raises(SoartError, match="waits no longer"):
        picking.answer(first["id"], [2])
    assert picking.wait(first["id"]) == (5, 1)
    picking.answer(second["id"], [])
    assert picking.wait(second["id"]) == ()
    assert picking.waiting() == []


def test_time_runs_out(monkeypatch):
    monkeypatch.setattr(module, "POLL_SECONDS", 0.01)
    picking = Picking()
    question, left = picking.ask([1], 0.05, {}), []
    assert picking.wait(question["id"], left.append) is None
    assert left == sorted(left, reverse=True)
    assert 0 < left[-1] < left[0] <= 0.05
    with pytest.raises(SoartError, match="waits no longer"):
        picking.answer(question["id"], [1])


def test_what_is_raised_while_waiting_closes_the_question(monkeypatch):
    monkeypatch.setattr(module, "POLL_SECONDS", 0.0)
    picking = Picking()
    question = picking.ask([1], 60, {})

    def interrupt(left):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        picking.wait(question["id"], interrupt)
    assert picking.waiting() == []


@pytest.mark.parametrize("picked", [[0], [True], ["1"], [1.0], {}, None, "1"])
def test_a_pick_of_something_else_is_refused(picked):
    picking = Picking()
    question = picking.ask([1, 2], 60, {})
    with pytest.raises(SoartError, match=r"no picture 0|list of numbers"):
        picking.answer(question["id"], picked)
    assert len(picking.waiting()) == 1


def test_of_many_answers_at_once_one_counts():
    picking = Picking()
    question, taken = picking.ask(range(20), 60, {}), []

    def answer(number):
        try:
            picking.answer(question["id"], [number])
            taken.append(number)
        except SoartError:
            pass

    threads = [threading.Thread(target=answer, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [picking.wait(question["id"])] == [tuple(taken)]
