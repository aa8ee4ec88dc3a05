"""Changes a room a little, time and again, and shows which changes its own tests do not find.

    .ci/postgres python .ci/mutants.py prompts/steering [metrics/tastes …] [--count 40] [--seed 0 [1 …]] [--limit 120]

Every mutant is one small change inside a function of the room, in a copy of the repository: another comparison,
operator, number or condition, a value that is not returned, a statement left out. Only the tests in the same room of
``tests/`` run, without the slow ones, and of their files those that execute the changed statement in their own process:
first the file named like the changed one, then the quickest, and of a file the tests that execute the statement before
the others, until one fails. A mutant whose tests exceed the time limit is found too. Several seeds are several samples, for
which the tests are traced once. Needs a system that forks.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points, packages_distributions
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coverage import Coverage

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ["prompts/steering", "metrics/tastes", "pipelines/collection", "pipelines/judges"]
COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
}  # fmt: skip
CALCULATED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div, ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult, ast.MatMult: ast.Mult,
}  # fmt: skip
#: Exit statuses of pytest by which a mutant stays unfound: all tests passed, or none was collected.
UNFOUND = (0, 5)


@dataclass(frozen=True)
class Mutant:
    """A changed file.

    Attributes:
        path: the file, relative to the repository.
        line: number of the changed line, from 1 on.
        kind: what was changed.
        change: the old and the new text.
        text: the file with the change.
        lines: numbers of the lines of the changed statement, without the statements inside it.
    """

    path: Path
    line: int
    kind: str
    change: str
    text: bytes
    lines: range


def changes(node: ast.AST) -> Iterator[tuple[str, ast.AST, str]]:
    """Kind, changed node and new text of every mutant of one node."""
    if isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            for other in COMPARED[type(operator)]:
                ops = [*node.ops[:place], other(), *node.ops[place + 1 :]]
                yield "comparison", node, f"({ast.unparse(ast.Compare(node.left, ops, node.comparators))})"
    elif isinstance(node, ast.BinOp) and type(node.op) in CALCULATED:
        yield "arithmetic", node, f"({ast.unparse(ast.BinOp(node.left, CALCULATED[type(node.op)](), node.right))})"
    elif isinstance(node, ast.BoolOp):
        other = ast.And() if isinstance(node.op, ast.Or) else ast.Or()
        yield "boolean", node, f"({ast.unparse(ast.BoolOp(other, node.values))})"
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "boolean", node, f"({ast.unparse(node.operand)})"
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float):
        value = not node.value if isinstance(node.value, bool) else node.value + 1
        yield "constant", node, repr(value)
    elif isinstance(node, ast.Return) and node.value and ast.unparse(node.value) != "None":
        yield "return", node, "return None"
    elif isinstance(node, ast.If | ast.While | ast.IfExp):
        yield "condition", node.test, f"(not ({ast.unparse(node.test)}))"
    elif isinstance(node, ast.AugAssign | ast.Break | ast.Continue | ast.Raise) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    ):
        yield "statement", node, "pass"


def inside_functions(node: ast.AST, lines: range = range(0)) -> Iterator[tuple[ast.AST, range]]:
    """Nodes of function bodies, each with the lines of its statement.

    Annotations, decorators and formatted strings, whose places are not exact, are left out.
    """
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        header = range(node.lineno, node.body[0].lineno + 1)
        for child in (*node.args.defaults, *filter(None, node.args.kw_defaults)):
            yield from inside_functions(child, header)
        for child in node.body:
            yield from inside_functions(child, header)
        return
    if isinstance(node, ast.JoinedStr):
        return
    if lines and isinstance(node, ast.stmt):
        body = getattr(node, "body", None) or getattr(node, "cases", None)
        last = max(node.lineno, getattr(body[0], "lineno", node.lineno + 1) - 1) if body else node.end_lineno
        lines = range(node.lineno, last + 1)
    if lines:
        yield node, lines
    for name, value in ast.iter_fields(node):
        if name not in ("annotation", "decorator_list", "returns"):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from inside_functions(child, lines)


def mutants_of(path: Path, text: bytes) -> Iterator[Mutant]:
    """Every mutant of a file with this text that Python can compile."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for node, lines in inside_functions(ast.parse(text)):
        for kind, part, new in changes(node):
            begin, end = starts[part.lineno - 1] + part.col_offset, starts[part.end_lineno - 1] + part.end_col_offset
            changed = text[:begin] + new.encode() + text[end:]
            with contextlib.suppress(SyntaxError):
                compile(changed, path, "exec")
                old = " ".join(text[begin:end].decode().split())
                yield Mutant(path, part.lineno, kind, f"{old} → {new}", changed, lines)


def sample(mutants: list[Mutant], count: int, rng: random.Random) -> list[Mutant]:
    """Some of the mutants, as nearly as possible equally many of each kind, in the order of files and lines."""
    rng.shuffle(mutants)
    by_kind: dict[str, list[Mutant]] = {}
    for mutant in mutants:
        by_kind.setdefault(mutant.kind, []).append(mutant)
    by_turns = [mutant for turn in zip_longest(*by_kind.values()) for mutant in turn if mutant]
    return sorted(by_turns[:count], key=lambda mutant: (mutant.path, mutant.line, mutant.change))


class Contexts:
    """A plugin of pytest that tells coverage which test runs."""

    def __init__(self, trace: Coverage) -> None:
        self.trace = trace

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """See pytest."""
        self.trace.switch_context(nodeid)


class Copy:
    """A copy of the repository, whose tests run in processes forked from this one, which has imported what they need.

    Args:
        folder: an empty folder.

    Attributes:
        root: the copy.
        output: what the latest tests printed.
        loaded: names of the modules that they had imported in the end.
        traced: JSON of the tests by line by file of a room, if they were traced.
    """

    def __init__(self, folder: Path) -> None:
        self.root, self.output = folder / "soart", folder / "output"
        self.loaded, self.traced = folder / "loaded", folder / "traced"
        listed = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True)  # fmt: skip
        for name in filter(None, listed.stdout.decode().split("\0")):
            if (ROOT / name).is_file():
                (self.root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.root / name)
        os.environ |= {"PYTHONPATH": str(folder), "HF_HUB_OFFLINE": "1"}
        sys.path[0] = str(folder)

    def run(self, limit: float, *arguments: str, room: str = "") -> tuple[int, float]:
        """Run tests in a process of their own.

        Args:
            limit: seconds.
            arguments: of pytest: files, tests and options.
            room: whose lines are noted for ``traced``; tests run a little longer with it.

        Returns:
            Exit status of pytest, or −9 beyond the limit, and seconds.
        """
        started = time.monotonic()
        child = os.fork()
        if not child:
            status = 3
            try:
                os.setpgid(0, 0)
                os.chdir(self.root)
                printed = os.open(self.output, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
                for stream in range(3):
                    os.dup2(printed, stream)
                import coverage
                import pytest

                trace = coverage.Coverage(data_file=None, config_file=False, include=[f"{self.root / room}/*"])
                if room:
                    trace.start()
                # Packages that plugins of pytest belong to may be loaded already.
                loaded = "ignore::pytest.PytestAssertRewriteWarning"
                line = ["-x", "-q", "-p", "no:cacheprovider", "-W", loaded, "-m", "not slow", *arguments]
                status = int(pytest.main(line, [Contexts(trace)] if room else []))
                if room:
                    trace.stop()
                    data = trace.get_data()
                    self.traced.write_text(
                        json.dumps({name: data.contexts_by_lineno(name) for name in data.measured_files()})
                    )
                self.loaded.write_text("\n".join(sys.modules))
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                os._exit(status)
        while (done := os.waitpid(child, os.WNOHANG)) == (0, 0):
            if time.monotonic() - started > limit:
                os.killpg(child, signal.SIGKILL)
                return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), time.monotonic() - started
            time.sleep(0.02)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        return os.waitstatus_to_exitcode(done[1]), time.monotonic() - started

    def fails(self, test: Path, first: set[str], limit: float) -> bool:
        """True if a file of tests fails or exceeds the limit; the tests named in ``first`` run first."""
        names = sorted(first)
        # Names of tests are a usage error if their file cannot be imported: then the file decides.
        if names and self.run(limit, *names)[0] not in (*UNFOUND, 4):
            return True
        return self.run(limit, str(test), *(f"--deselect={name}" for name in names))[0] not in UNFOUND

    def preload(self, tests: Path) -> None:
        """Import what the tests import, apart from this package, the tests and the plugins of pytest."""
        self.run(600, "--collect-only", str(tests))
        plugins = {point.dist.name for point in entry_points(group="pytest11") if point.dist}
        apart = {module for module, owners in packages_distributions().items() if plugins & {*owners}}
        apart |= {"soart", "tests", "conftest", "specimens", "pytest", "_pytest", "__main__"}
        for name in self.loaded.read_text().split("\n"):
            if name.partition(".")[0] not in apart:
                with contextlib.suppress(Exception):
                    importlib.import_module(name)

    def place(self, path: Path, text: bytes) -> None:
        """Write a file, and remove what was compiled of it: a change may leave size and second as they were."""
        (self.root / path).write_bytes(text)
        for old in (self.root / path).parent.glob(f"__pycache__/{path.stem}.*"):
            old.unlink()


class Room:
    """A room, its tests, and which of them execute which lines.

    Args:
        name: its folder, such as ``metrics/tastes``.
        copy: of the repository.
        limit: seconds a test file may take beyond its usual time.
    """

    def __init__(self, name: str, copy: Copy, limit: float) -> None:
        self.name, self.copy, self.limit = name, copy, limit
        folder = copy.root / "tests" / name
        self.tests = sorted(folder.rglob("test_*.py"))
        copy.preload(folder)
        self.seconds: dict[Path, float] = {}
        self.reached: dict[Path, dict[tuple[Path, int], set[str]]] = {}
        for number, test in enumerate(self.tests, start=1):
            print(f"\r{name}: tests {number}/{len(self.tests)}", end="", file=sys.stderr, flush=True)
            status, self.seconds[test] = copy.run(10 * limit, str(test), room=name)
            if status not in UNFOUND:
                sys.exit(f"{copy.output.read_text()}\n{test.relative_to(copy.root)} fails without any change.")
            self.reached[test] = {
                (Path(file).relative_to(copy.root), int(line)): {*names}
                for file, lines in json.loads(copy.traced.read_text()).items()
                for line, names in lines.items()
            }
        files = [path.relative_to(ROOT) for path in sorted((ROOT / name).rglob("*.py"))]
        self.mutants = [mutant for path in files for mutant in mutants_of(path, (ROOT / path).read_bytes())]

    def order(self, mutant: Mutant) -> dict[Path, set[str]]:
        """The files of tests that execute a mutant, in the order in which they run, and in each the tests that do."""
        places = [(mutant.path, line) for line in mutant.lines]
        # A test that executes a line while it is imported has no name there.
        useful = {
            test: set().union(*(lines.get(place, ()) for place in places)) - {""}
            for test, lines in self.reached.items()
            if any(place in lines for place in places)
        }
        first = sorted(useful, key=lambda test: (test.stem != f"test_{mutant.path.stem}", self.seconds[test]))
        return {test: useful[test] for test in first}

    def examine(self, count: int, seed: int) -> tuple[int, int]:
        """Print the mutants of a sample that no test finds, and return the numbers of all mutants and of these."""
        chosen, missed = sample([*self.mutants], count, random.Random(seed)), 0
        for number, mutant in enumerate(chosen, start=1):
            order = self.order(mutant)
            self.copy.place(mutant.path, mutant.text)
            found = any(
                self.copy.fails(test, useful, self.limit + 3 * self.seconds[test]) for test, useful in order.items()
            )
            self.copy.place(mutant.path, (ROOT / mutant.path).read_bytes())
            if not found:
                missed += 1
                where = f"{mutant.path}:{mutant.line}"
                print(f"\n{where} {mutant.kind}{'' if order else ', not reached'}\n    {mutant.change}", flush=True)
            print(f"\r{self.name}, seed {seed}: mutants {number}/{len(chosen)}", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        return len(chosen), missed


def main() -> None:
    """Examine the rooms and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rooms", nargs="*", default=ROOMS, help=f"folders of the package; default: {' '.join(ROOMS)}")
    parser.add_argument("--count", type=int, default=40, help="mutants of each room")
    parser.add_argument("--seed", type=int, nargs="+", default=[0], help="another seed chooses other mutants")
    parser.add_argument("--limit", type=float, default=120, help="seconds a test file may take beyond its usual time")
    arguments = parser.parse_args()
    rows = []
    for room in arguments.rooms:
        with tempfile.TemporaryDirectory(prefix="soart-mutants-") as folder:
            examined = Room(room, Copy(Path(folder)), arguments.limit)
            for seed in arguments.seed:
                count, missed = examined.examine(arguments.count, seed)
                rows.append(f"| {room} | {seed} | {count} | {count - missed} | {1 - missed / count:.0%} |")
    print("\n| room | seed | mutants | found | share |\n|---|---|---|---|---|", *rows, sep="\n")


if __name__ == "__main__":
    main()
