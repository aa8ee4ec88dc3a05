"""Culls and undos that are killed before and after every step of every move: nothing is lost, and all can be undone."""

import os
import signal
from collections import Counter
from functools import partial

import pytest
from specimens.dying import die_at

from soart.pipelines.tidying.cull import Move, cull
from soart.pipelines.tidying.undoing import RecordedChanges, undo

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
PICTURES = 2


@pytest.fixture
def killed_at(nursery):
    """Run ``act`` in a child that is killed at a moment, counted from 0, and tell the call it was at; None if it finished."""

    def run(moment, act, elsewhere):
        child, reader = nursery.start(die_at, moment, act, elsewhere)
        with os.fdopen(reader) as stream:
            text = stream.read()
        assert nursery.wait(child) == (signal.SIGKILL if text else 0)
        return text or None

    return run


@pytest.fixture
def prepared(tmp_path):
    """Makes pictures with texts, and the moves of a cull to another folder."""

    def prepare(number):
        folder = tmp_path / str(number)
        (folder / "art").mkdir(parents=True)
        moves = []
        for k in range(PICTURES):
            for suffix in (".png", ".txt"):
                (folder / "art" / f"{k}{suffix}").write_text(f"content {k} {suffix}")
            moves.append(Move(folder / "art" / f"{k}.png", folder / "out" / "low" / f"{k}.png", k))
        return folder, moves

    return prepare


def contents(folder):
    """Files by their path in the folder, without undo files and the unfinished copies of other disks."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix not in (".jsonl", ".part")
    }


def state(folder, before):
    """How far the moves are: files that lie at their old place alone, at both, and at the new one alone."""
    now = contents(folder)
    counts = Counter()
    for name, content in before.items():
        places = {path.split("/")[0] for path, found in now.items() if found == content}
        assert places, f"{name} is lost"
        counts["both" if len(places) == 2 else places.pop()] += 1
    return counts


def log(title, moment, call, counts, folder):
    lines = len((folder / "undo.jsonl").read_text().splitlines()) if (folder / "undo.jsonl").exists() else 0
    states = ", ".join(f"{counts[place]} {place}" for place in ("art", "both", "out"))
    print(f"{title} killed at moment {moment}, {call}: {states}; {lines} lines in the undo file")


@pytest.mark.parametrize("elsewhere", [False, True], ids=["same disk", "another disk"])
def test_a_cull_killed_at_any_moment_is_undone(prepared, killed_at, elsewhere):
    seen, moment = Counter(), 0
    while True:
        folder, moves = prepared(moment)
        before = contents(folder)
        call = killed_at(moment, partial(cull, moves, folder / "undo.jsonl"), elsewhere)
        counts = state(folder, before)
        if call is None:
            break
        log("cull", moment, call, counts, folder)
        seen["between its names"] += counts["both"] > 0
        seen["in the midst"] += counts["art"] > 0 and counts["out"] > 0
        if (folder / "undo.jsonl").exists():
            assert undo(folder / "undo.jsonl")[1] == []
        assert contents(folder) == before
        moment += 1
    assert counts == {"out": 2 * PICTURES}
    # Each file takes at least a line, a new name and the end of the old one.
    assert moment >= 2 * PICTURES * 3
    assert min(seen["between its names"], seen["in the midst"]) >= PICTURES


@pytest.mark.parametrize("elsewhere", [False, True], ids=["same disk", "another disk"])
def test_an_undo_killed_at_any_moment_goes_on(prepared, killed_at, elsewhere):
    seen, moment = Counter(), 0
    while True:
        folder, moves = prepared(moment)
        before = contents(folder)
        cull(moves, folder / "undo.jsonl")
        call = killed_at(moment, partial(undo, folder / "undo.jsonl"), elsewhere)
        counts = state(folder, before)
        if call is None:
            break
        log("undo", moment, call, counts, folder)
        seen["between its names"] += counts["both"] > 0
        seen["in the midst"] += counts["art"] > 0 and counts["out"] > 0
        if (folder / "undo.jsonl").exists():
            assert RecordedChanges.read(folder / "undo.jsonl").doubt == ""
            assert undo(folder / "undo.jsonl")[1] == []
        assert contents(folder) == before
        moment += 1
    assert counts == {"art": 2 * PICTURES}
    assert min(seen["between its names"], seen["in the midst"]) >= PICTURES
