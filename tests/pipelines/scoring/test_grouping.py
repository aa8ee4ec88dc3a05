from collections import deque
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from soart.metrics.similarity.distinct import separated
from soart.pipelines.collection.provenance import Origin
from soart.pipelines.scoring.grouping import by_burst, by_prompt


def parts(groups):
    """Groups as sets of row numbers."""
    return {frozenset(np.flatnonzero(groups == g).tolist()) for g in set(groups.tolist()) - {-1}}


def closure(n, linked):
    """Groups of two and more that hang together by pairs, found by walking from each row."""
    found, seen = set(), set()
    for start in range(n):
        if start in seen:
            continue
        reached, waiting = {start}, deque([start])
        while waiting:
            one = waiting.popleft()
            for other in range(n):
                if other not in reached and (linked(one, other) or linked(other, one)):
                    reached.add(other)
                    waiting.append(other)
        seen |= reached
        if len(reached) > 1:
            found.add(frozenset(reached))
    return found


pictures = st.lists(
    st.builds(
        Origin,
        prompt=st.sampled_from(["", "a", "b"]),
        settings=st.sampled_from(["{}", "{1}"]),
        seed=st.just(""),
        path=st.builds(
            "/{}/{}".format,
            st.sampled_from("xy"),
            st.sampled_from(["00001-7.png", "00002-99.png", "ComfyUI_0004_.png", "ComfyUI_0005_.png", "3f.png", "4a.png"]),
        ),
        time=st.integers(0, 30).map(lambda minutes: 60.0 * minutes),
    ),
    max_size=12,
)  # fmt: skip


@given(pictures)
@settings(max_examples=80, deadline=None)
def test_groups_by_prompt_and_by_burst(made):
    def same(i, j):
        return made[i].prompt != "" and (made[i].prompt, made[i].settings) == (made[j].prompt, made[j].settings)

    follow = [("00001-7.png", "00002-99.png"), ("ComfyUI_0004_.png", "ComfyUI_0005_.png")]

    def in_a_burst(i, j):
        (folder, name), (other, next_name) = (made[k].path[1:].split("/") for k in (i, j))
        numbers = folder == other and ((name, next_name) in follow or name == next_name)
        return same(i, j) and (abs(made[i].time - made[j].time) <= 300 or numbers)

    assert parts(by_prompt(made)) == closure(len(made), same)
    assert parts(by_burst(made)) == closure(len(made), in_a_burst)


def test_seeds_and_hashes_are_no_file_numbers():
    made = [
        Origin("a", "", "", f"/x/{name}.png", 1e6 * place)
        for place, name in enumerate(["3f9a", "4b22", "00001-41", "00007-42", "b_009"])
    ]
    assert parts(by_burst(made)) == set()
    assert parts(by_burst([*made, Origin("a", "", "", "/x/b_010.png", 0.5e6)])) == {frozenset({4, 5})}


@given(st.integers(0, 10_000), st.integers(0, 12))
@settings(max_examples=60, deadline=None)
def test_no_two_distinct_pictures_stay_in_one_group(seed, n):
    rng = np.random.default_rng(seed)
    groups, order = rng.integers(-1, 3, n), rng.permutation(n)
    marked = {(i, j) for i, j in rng.integers(0, max(n, 1), (4, 2)).tolist() if i != j and n}
    distinct = {
        i: frozenset({b for a, b in marked if a == i} | {a for a, b in marked if b == i}) for p in marked for i in p
    }
    result = separated(groups, order, distinct)
    for part in parts(result):
        assert len({int(groups[row]) for row in part}) == 1
        assert not any((i, j) in marked for i in part for j in part)
    # A group without a correction stays as it is.
    whole = {part for part in parts(groups) if len(part) > 1 and not any(i in part and j in part for i, j in marked)}
    assert whole <= parts(result)
    # Nobody is put out without a reason: the first of each group stays with all that are distinct from none.
    for part in parts(groups):
        free = [row for row in order.tolist() if row in part and not distinct.get(row, frozenset()) & part]
        assert all(result[i] == result[j] >= 0 for i, j in pairwise(free))


def test_pictures_of_a_guessed_prompt_are_in_no_group():
    made = [
        Origin("a", "", "", f"/x/{name}.png", 1e6, guessed)
        for name, guessed in (("1", False), ("2", True), ("3", True))
    ]
    assert parts(by_prompt([*made, Origin("a", "", "", "/x/4.png", 1e6)])) == {frozenset({0, 3})}
    assert by_prompt(made[1:]).tolist() == by_burst(made[1:]).tolist() == [-1, -1]
