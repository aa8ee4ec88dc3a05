import threading

import pytest

from soart.errors import SoartError
from soart.pipelines.support.looping import LAPSE_SECONDS, MOST_LOOPS, Loops

WHERE = {"workflow": "w", "node": "5", "page": ""}


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def told():
    return []


@pytest.fixture
def loops(told):
    made = Loops(told.append, Clock())
    made.finished("w", "5", runs=3)
    return made


def state(loops, node="5"):
    return next(one for one in loops.states() if one["node"] == node)


def go_on(loops, **more):
    loops.queued(loops.promise("w", idle=True))
    loops.finished("w", "5", **{"runs": 3, **more})
    return state(loops)


def test_runs_are_counted_to_the_last(loops, told):
    assert state(loops) == {**WHERE, "runs": 3, "done": 1, "phase": "due", "why": ""}
    assert go_on(loops)["done"] == 2
    assert [one["phase"] for one in told] == ["due", "promised", "queued", "due"]
    assert go_on(loops) == {**WHERE, "runs": 3, "done": 3, "phase": "", "why": "Done: 3 runs."}
    assert loops.promise("w", idle=True) is None
    # A run that no page has promised begins anew.
    loops.finished("w", "5", runs=3)
    assert state(loops)["done"] == 1


def test_a_loop_ends_when_enough_is_learnt_and_one_run_is_none(loops, told):
    assert go_on(loops, enough="Little to gain.")["why"] == "Little to gain. Runs: 2 of 3."
    loops.finished("w", "5", runs=1)
    assert loops.states() == []
    assert told[-1]["phase"] == ""


def test_of_many_pages_one_promises(loops):
    together, promises = threading.Barrier(16), []

    def ask():
        together.wait()
        promises.append(loops.promise("w", idle=True))

    pages = [threading.Thread(target=ask) for _ in range(16)]
    for page in pages:
        page.start()
    for page in pages:
        page.join()
    assert sorted(promises, key=str) == [1, *[None] * 15]


def test_nothing_is_promised_while_the_host_works_or_for_other_workflows(loops):
    assert loops.promise("w", idle=False) is None
    assert loops.promise("w2", idle=True) is None
    assert loops.promise("w", idle=True) == 1


def test_one_run_is_one_of_all_loops_of_a_workflow(loops):
    loops.finished("w", "6", runs=9)
    loops.queued(loops.promise("w", idle=True))
    for node, runs in (("5", 3), ("6", 9)):
        loops.finished("w", node, runs=runs)
    assert [(one["done"], one["phase"]) for one in loops.states()] == [(2, "due"), (2, "due")]
    loops.stop("w", "by hand", "6")
    assert [one["why"] for one in loops.states()] == ["", "Stopped after 2 of 9 runs."]


def test_a_page_that_has_gone_is_replaced(loops):
    loops.promise("w", idle=True)
    loops._clock.now = LAPSE_SECONDS - 1
    assert loops.promise("w", idle=True) is None
    loops._clock.now = LAPSE_SECONDS
    second = loops.promise("w", idle=True)
    # The first comes too late.
    loops.queued(1)
    assert state(loops)["phase"] == "promised"
    loops.queued(second)
    assert state(loops)["phase"] == "queued"


def test_copies_of_a_workflow_in_two_pages_have_loops_of_their_own():
    loops, pages = Loops(), {"a", "b"}
    for page, runs in (("a", 3), ("b", 5)):
        loops.finished("w", "5", runs, page=page)
    promise = loops.promise("w", "a", idle=True, pages=pages)
    loops.queued(promise)
    # A single run of the copy, and its mistake, are none of the other's.
    loops.finished("w", "5", 1, page="b")
    loops.stop("w", "failed", page="b")
    assert loops.promise("w", "b", idle=True, pages=pages) is None
    loops.finished("w", "5", 3, page="a")
    assert [(one["page"], one["done"], one["why"]) for one in loops.states()] == [("a", 2, "")]
    # When its page is closed, another goes on with it.
    loops.queued(loops.promise("w", "b", idle=True, pages={"b"}))
    loops.finished("w", "5", 3, page="b")
    assert [(one["page"], one["why"]) for one in loops.states()] == [("b", "Done: 3 runs.")]


def test_a_run_that_comes_to_nothing_ends_its_loop(loops):
    loops.queued(loops.promise("w", idle=True))
    assert loops.promise("w", idle=False) is None
    assert state(loops)["phase"] == "queued"
    assert loops.promise("w", idle=True) is None
    assert state(loops)["why"] == "Stopped after 1 of 3 runs: a run failed or was interrupted."
    assert go_on_from_the_start(loops)


def go_on_from_the_start(loops):
    loops.finished("w", "5", runs=3)
    return state(loops)["done"] == 1 and not state(loops)["why"]


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("interrupted", "Stopped after 1 of 3 runs: a run was interrupted."),
        ("failed", "Stopped after 1 of 3 runs: a run failed."),
        ("not queued", "Stopped after 1 of 3 runs: the run could not be queued."),
    ],
)
def test_mistakes_end_a_loop(loops, reason, said):
    loops.queued(loops.promise("w", idle=True), failed=reason == "not queued")
    loops.stop("w", reason)
    loops.stop("w", "interrupted")
    assert state(loops)["why"] == said
    assert go_on_from_the_start(loops)


def test_a_run_that_is_on_its_way_counts_after_a_stop_by_hand(loops):
    loops.queued(loops.promise("w", idle=True))
    loops.stop("w", "by hand")
    assert state(loops)["why"] == "Stopped after 1 of 3 runs."
    loops.finished("w", "5", runs=3)
    assert (state(loops)["why"], state(loops)["phase"]) == ("Stopped after 2 of 3 runs.", "")
    assert go_on_from_the_start(loops)


def test_a_stop_by_hand_outlasts_a_promise_that_is_not_kept(loops):
    loops.promise("w", idle=True)
    loops.stop("w", "by hand")
    loops._clock.now = LAPSE_SECONDS
    assert loops.promise("w", idle=True) is None
    assert go_on_from_the_start(loops)


def test_other_reasons_are_refused(loops):
    with pytest.raises(SoartError, match="does not end because of 'bored': the reasons are by hand, interrupted"):
        loops.stop("w", "bored")


def test_the_oldest_loops_are_forgotten():
    loops = Loops()
    for number in range(MOST_LOOPS + 1):
        loops.finished("w", str(number), runs=2)
    assert [loops.states()[0]["node"], len(loops.states())] == ["1", MOST_LOOPS]
