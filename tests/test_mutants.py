"""The script that changes a room a little to try its tests."""

import importlib.util
import random
import sys
from collections import Counter
from pathlib import Path

import pytest

SOURCE = """\
LIMIT = 3


def clip(values: list[int], low=0, *, high: int = 9) -> list:
    \"\"\"Cut – not sort.\"\"\"
    kept = []
    for value in values:
        if value < low or not value:
            continue
        kept.append(value * high if value > 1 else f"{value + 1}")
    return kept
""".encode()


@pytest.fixture(scope="module")
def mutants():
    spec = importlib.util.spec_from_file_location("mutants", Path(__file__).parents[1] / ".ci/mutants.py")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_every_mutant_is_one_small_change_inside_a_function(mutants):
    found = [*mutants.mutants_of(Path("clip.py"), SOURCE)]
    changes = {(one.line, one.kind, one.change) for one in found}
    assert changes == {
        (4, "constant", "0 → 1"),
        (4, "constant", "9 → 10"),
        (8, "condition", "value < low or not value → (not (value < low or not value))"),
        (8, "boolean", "value < low or not value → (value < low and (not value))"),
        (8, "boolean", "not value → (value)"),
        (8, "comparison", "value < low → (value <= low)"),
        (8, "comparison", "value < low → (value >= low)"),
        (9, "statement", "continue → pass"),
        (10, "statement", 'kept.append(value * high if value > 1 else f"{value + 1}") → pass'),
        (10, "condition", "value > 1 → (not (value > 1))"),
        (10, "arithmetic", "value * high → (value / high)"),
        (10, "comparison", "value > 1 → (value >= 1)"),
        (10, "comparison", "value > 1 → (value <= 1)"),
        (10, "constant", "1 → 2"),
        (11, "return", "return kept → return None"),
    }
    lines = SOURCE.splitlines()
    for one in found:
        changed = [number for number, (a, b) in enumerate(zip(lines, one.text.splitlines(), strict=True), 1) if a != b]
        assert changed == [one.line]
        compile(one.text, "clip.py", "exec")


def test_samples_hold_each_kind_about_equally_often_and_follow_the_seed(mutants):
    every = [*mutants.mutants_of(Path("clip.py"), SOURCE)]
    chosen = mutants.sample([*every], 7, random.Random(1))
    assert set(Counter(one.kind for one in chosen).values()) == {1}
    assert chosen == mutants.sample([*every], 7, random.Random(1))
    assert len({tuple(mutants.sample([*every], 7, random.Random(seed))) for seed in range(9)}) > 1
    assert len(mutants.sample([*every], 99, random.Random(1))) == len(every)
