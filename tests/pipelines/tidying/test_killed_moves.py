"""Culls and undos that are killed before and after every step of every move: nothing is lost, and all can be undone.

Each test prints how far every killed run had got (``pytest -s``), and checks that runs ended in each state of a move.
"""

import errno
import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from soart.pipelines.tidying.cull import Move, cull
from soart.pipelines.tidying.undoing import RecordedChanges, undo

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL"),
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]
PICTURES = 2
#: Functions of the system that change a disk or wait for it: before and after each call is a moment to be killed at.
STEPS = ("fsync", "link", "rename", "unlink", "rmdir")


def killed_at(moment, act, elsewhere):
    """Run ``act`` in a child that is killed at a moment, counted from 0; returns the call it was at, None if it finished."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        _, status = os.waitpid(child, 0)
        with os.fdopen(reading) as stream:
            text = stream.read()
        assert status == (signal.SIGKILL if text else 0)
        return text or None
    try:
        left = moment

        def checked(name, call):
            def at(when):
                nonlocal left
                if left == 0:
                    os.write(writing, f"{when} {name}".encode())
                    os.kill(os.getpid(), signal.SIGKILL)
                left -= 1

            def run(*arguments, **options):
                at("before")
                if elsewhere and name in ("link", "rename") and len({Path(path).parent for path in arguments[:2]}) > 1:
                    raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
                result = call(*arguments, **options)
                at("after")
                return result

            return run

        for name in STEPS:
            setattr(os, name, checked(name, getattr(os, name)))
        act()
        os._exit(0)
    finally:
        os._exit(1)


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
def test_a_cull_killed_at_any_moment_is_undone(prepared, elsewhere):
    seen, moment = Counter(), 0
    while True:
        folder, moves = prepared(moment)
        before = contents(folder)
        call = killed_at(moment, lambda: cull(moves, folder / "undo.jsonl"), elsewhere)  # noqa: B023 - called at once
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
def test_an_undo_killed_at_any_moment_goes_on(prepared, elsewhere):
    seen, moment = Counter(), 0
    while True:
        folder, moves = prepared(moment)
        before = contents(folder)
        cull(moves, folder / "undo.jsonl")
        call = killed_at(moment, lambda: undo(folder / "undo.jsonl"), elsewhere)  # noqa: B023 - called at once
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
