import itertools
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soart.errors import PromptError
from soart.prompts.space.constraints import cheapest, count_allowed, needs, not_both
from soart.prompts.space.slots import Option, Slot
from soart.prompts.space.space import PromptSpace

STYLE = Slot("style", ["", "watercolor", "pixel art", "woodcut"])
LIGHT = Slot("light", ["", "neon light", "moonlight"])
PALETTE = Slot("palette", ["", "monochrome", "warm colors"])
FAULTS = Slot("faults", ["", "blurry", "low quality, noisy"], "negative")
GUIDANCE = Slot("guidance", ["", "3", "7.5"])
SIZE = Slot("size", ["512x768", "512x512"])


def space(**changes):
    parts = {"slots": (STYLE, LIGHT, PALETTE, FAULTS, GUIDANCE, SIZE), "contexts": ("a fox", "an owl")} | changes
    return PromptSpace(**parts)


def everything(made):
    return np.array([*itertools.product(*map(range, made.levels))])


def test_a_choice_in_words_and_settings():
    made = space(negative="ugly, {faults}")
    choice = made.choice_of({"style": "Pixel Art", "faults": "blurry", "guidance": 7.5, "size": "512x768"})
    drawn = made.render(choice, 1)
    assert (drawn.prompt, drawn.negative) == ("an owl, pixel art", "ugly, blurry")
    assert drawn.settings == {"guidance": 7.5, "width": 512, "height": 768}
    assert made.describe(choice)["light"] == ""
    assert made.levels == (4, 3, 3, 3, 3, 2)
    assert made.size == made.total == 4 * 3 * 3 * 3 * 3 * 2


def test_an_empty_negative_prompt_differs_from_none():
    empty, none = PromptSpace((STYLE, FAULTS)), PromptSpace((STYLE,))
    assert (empty.render((0, 0)).negative, none.render((0,)).negative) == ("", None)


def test_steps_and_scheduler():
    made = space(slots=(STYLE, Slot("steps", ["20", "4"]), Slot("scheduler", ["", "DPM++ 2M"])))
    assert made.render((0, 1, 1)).settings == {"steps": 4, "scheduler": "DPM++ 2M"}
    assert made.render((0, 0, 0)).settings == {"steps": 20}


@pytest.mark.parametrize(
    ("template", "texts", "prompt"),
    [
        ("{a}, {b}, fox", ("", ""), "fox"),
        ("fox, {a}, {b}", ("", "x"), "fox, x"),
        ("a {a} {b} fox , in snow", ("", "red"), "a red fox, in snow"),
        ("({a}:1.2), fox ({b})", ("", ""), "fox"),
        ("{{fox}} {a}{b}", ("<lora:x:0.8>", "{b}"), "{fox} <lora:x:0.8>{b}"),
    ],
)
def test_empty_options_leave_nothing_behind(template, texts, prompt):
    made = PromptSpace((Slot("a", [texts[0]]), Slot("b", [texts[1], "other"])), template)
    assert made.render((0, 0)).prompt == prompt


@given(st.lists(st.sampled_from(["", "red", "a b", "x, y", "(z:1.1)"]), min_size=3, max_size=3))
def test_prompts_are_tidy(texts):
    made = PromptSpace(
        tuple(Slot(name, [text, "-"]) for name, text in zip("abc", texts, strict=True)), "{a}, {b} , ({c})"
    )
    prompt = made.render((0, 0, 0)).prompt
    assert prompt == prompt.strip(" ,")
    for wrong in (",,", ", ,", "  ", " ,", "()"):
        assert wrong not in prompt


@given(st.data())
def test_describe_and_choice_of_are_inverse(data):
    made = space()
    choice = tuple(data.draw(st.integers(0, level - 1)) for level in made.levels)
    assert made.choice_of(made.describe(choice)) == choice


def test_every_choice_reads_differently():
    made = space()
    assert len({made.render(c) for c in everything(made)}) == made.size


def test_constraints():
    made = space(
        constraints=(not_both("style=pixel art", "light=neon light"), needs("style=woodcut", "palette=monochrome"))
    )
    rows = everything(made)
    naive = [
        not (d["style"] == "pixel art" and d["light"] == "neon light")
        and not (d["style"] == "woodcut" and d["palette"] != "monochrome")
        for d in map(made.describe, rows)
    ]
    assert made.allowed(rows).tolist() == naive == [made.allows(row) for row in rows]
    assert made.size == sum(naive)


def test_needs_takes_alternatives_of_one_slot_and_all_slots():
    made = space(constraints=(needs("style=woodcut", "palette=monochrome", "palette=warm colors", "light=moonlight"),))
    for row in everything(made):
        options = made.describe(row)
        fine = options["palette"] != "" and options["light"] == "moonlight"
        assert made.allows(row) == (options["style"] != "woodcut" or fine)


def test_not_both_of_three_is_pairwise():
    made = space(constraints=(not_both("style=woodcut", "palette=warm colors", "light=moonlight"),))
    for row in everything(made):
        options = made.describe(row)
        hits = (
            (options["style"] == "woodcut") + (options["palette"] == "warm colors") + (options["light"] == "moonlight")
        )
        assert made.allows(row) == (hits < 2)


@st.composite
def constrained(draw):
    levels = draw(st.lists(st.integers(1, 4), min_size=2, max_size=5))
    slots = tuple(Slot(f"s{i}", [f"o{k}" for k in range(n)]) for i, n in enumerate(levels))
    option = st.integers(0, len(levels) - 1).flatmap(
        lambda i: st.integers(0, levels[i] - 1).map(lambda k: f"s{i}=o{k}")
    )
    pair = st.tuples(option, option).filter(lambda p: p[0].split("=")[0] != p[1].split("=")[0])
    rules = draw(st.lists(st.builds(lambda f, p: f(*p), st.sampled_from([not_both, needs]), pair), max_size=5))
    return slots, tuple(rules)


@given(constrained(), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_counting_and_search_are_exact(made, seed):
    slots, rules = made
    try:
        found = PromptSpace(slots, constraints=rules)
    except PromptError as error:
        assert "contradict" in str(error)  # noqa: PT017
        return
    rows = everything(found)
    allowed = rows[found.allowed(rows)]
    assert found.size == len(allowed) == count_allowed([range(n) for n in found.levels], found.forbidden)
    rng = np.random.default_rng(seed)
    costs = [rng.random(n) for n in found.levels]
    best = cheapest(found.options, found.forbidden, costs)
    sums = [sum(c[i] for c, i in zip(costs, row, strict=True)) for row in allowed]
    assert found.allows(best)
    assert sum(c[i] for c, i in zip(costs, best, strict=True)) == pytest.approx(min(sums))
    for row in rows[:: max(1, len(rows) // 10)]:
        distance = (allowed != row).sum(axis=1).min()
        assert (np.array(found.nearest(row)) != row).sum() == distance
    drawn = found.sample(20, 3, distinct=False)
    assert found.allowed(drawn).all()


def test_contradictions_are_named():
    rules = (
        needs("style=woodcut", "palette=monochrome"),
        not_both("light=moonlight", "style=watercolor"),
        not_both("palette=monochrome", "style=woodcut"),
    )
    with pytest.raises(PromptError, match="contradict each other") as caught:
        space(constraints=rules)
    message = str(caught.value)
    assert "1 (style=woodcut needs palette=monochrome)" in message
    assert "3 (not both palette=monochrome and style=woodcut)" in message
    assert "watercolor" not in message


def test_a_chain_of_contradictions():
    rules = (
        needs("style=woodcut", "light=moonlight"),
        needs("light=moonlight", "palette=monochrome"),
        not_both("style=woodcut", "palette=monochrome"),
    )
    with pytest.raises(PromptError, match=r"Constraints 1 .*; 2 .*; 3 "):
        space(constraints=rules)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (not_both("style=woodcut"), "names one option only"),
        (not_both("style=woodcut", "style=pixel art"), "against itself"),
        (needs("stile=woodcut", "light=moonlight"), "Unknown slot 'stile'"),
        (needs("style=woodcutt", "light=moonlight"), "did you mean 'woodcut'"),
        (needs("woodcut", "light=moonlight"), "Expected slot=option"),
    ],
)
def test_bad_constraints(rule, words):
    with pytest.raises(PromptError, match=words):
        space(constraints=(rule,))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Slot("style", []), "no options"),
        (lambda: Slot("style", ["a", " a "]), "twice"),
        (lambda: Slot("1 style", ["a"]), "slot name"),
        (lambda: Slot("style", ["a"], "word"), "kind"),
        (lambda: Slot("style", ["a"], "setting"), "Unknown setting"),
        (lambda: Slot("guidance", ["5", "5.0"]), "twice"),
        (lambda: Slot("guidance", ["much"]), "0…100"),
        (lambda: Slot("guidance", ["nan"]), "0…100"),
        (lambda: Slot("steps", ["0"]), "1…1000"),
        (lambda: Slot("size", ["511x512"]), "multiples of 8"),
        (lambda: Slot("scheduler", ["a;b"]), "scheduler"),
        (lambda: Option("a", 0), "above 0"),
        (lambda: Option("a", float("nan")), "above 0"),
        (lambda: PromptSpace(()), "no slots"),
        (lambda: PromptSpace((STYLE, STYLE)), "two slots"),
        (lambda: PromptSpace((STYLE,), "{style} {mood}"), "unknown slot {mood}: known are style"),
        (lambda: PromptSpace((STYLE, LIGHT), "{style}"), "leaves out {light}"),
        (lambda: PromptSpace((STYLE,), "{style"), "without its partner"),
        (lambda: PromptSpace((STYLE,), "{style} {a|b}"), "variants"),
        (lambda: PromptSpace((STYLE, GUIDANCE), "{style} {guidance}"), "kind setting"),
        (lambda: PromptSpace((STYLE,), negative="{style}"), "not a negative slot"),
        (lambda: PromptSpace((STYLE, FAULTS), negative="ugly"), "leaves out {faults}"),
        (lambda: PromptSpace((STYLE,), contexts=("a", "a")), "alike"),
        (lambda: PromptSpace((STYLE,), "{style}", ("a",)), "leaves out {subject}"),
        (lambda: PromptSpace((Slot("subject", ["a"]),), contexts=("a",)), "rename the slot"),
        (lambda: PromptSpace((STYLE,), banned=(frozenset(), frozenset())), "bans for each"),
        (lambda: space().restrict(bans=["light=", "light=neon", "light=moonlight"]), "leave slot 'light' no option"),
        (lambda: space().restrict(pins=["light=sun"]), "no option 'sun'"),
        (lambda: space().render((0, 0)), "one a slot"),
        (lambda: space().render((9, 0, 0, 0, 0, 0)), "0…3"),
        (lambda: space().render(("x",)), "option indices"),
        (lambda: space().render((float("inf"),) * 6), "option indices"),
        (lambda: space().render((0,) * 6, 2), "context 0…1"),
        (lambda: space().choice_of({"style": "woodcut"}), "No option is named for slot 'size'"),
        (lambda: space().choice_of({"mood": "glad"}), "Unknown slot"),
        (lambda: PromptSpace({"style": ["woodcut"]}), "objects of the class Slot .*, got 'style'"),
        (lambda: PromptSpace(None), "the slots as a list, got None"),
        (lambda: PromptSpace((STYLE,), 5), "templates and contexts as text, got 5"),
        (lambda: PromptSpace((STYLE,), contexts=(5,)), "templates and contexts as text, got 5"),
        (lambda: PromptSpace((STYLE,), constraints=("style",)), "made by not_both and needs, got 'style'"),
        (lambda: space().restrict(bans=[5]), "options as texts such as 'slot=option', got 5"),
        (lambda: space().render((0,) * 6, "a fox"), "context as a whole number"),
        (lambda: space().allowed([[0, 0]]), r"an array \(n, 6\), got shape \(1, 2\)"),
        (lambda: space().with_options(None), "lists of texts by the names of slots"),
        (lambda: space().with_options({"style": "wax"}), "add to slot 'style' as a list, got 'wax'"),
    ],
)
def test_bad_input(make, words):
    with pytest.raises(PromptError, match=words) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_a_space_of_one_choice_cannot_be_tuned():
    one = PromptSpace((Slot("style", ["woodcut"]),))
    assert one.size == 1
    assert one.sample(5, 0).tolist() == [[0]]
    for narrow in (one, space().restrict(pins=[f"{s.name}={s.texts[0]}" for s in space().slots])):
        with pytest.raises(PromptError, match="nothing to tune"):
            narrow.check_tunable()
    space().check_tunable()


def test_restrict_keeps_levels_and_indices():
    made = space(constraints=(needs("style=woodcut", "palette=monochrome"),))
    narrow = made.restrict(bans=["style=pixel", "guidance=3.0"], pins=["light=neon", "light=moonlight"])
    assert narrow.levels == made.levels
    assert narrow.fingerprint == made.fingerprint
    assert [mask.tolist() for mask in narrow.masks][:2] == [[True, True, False, True], [False, True, True]]
    assert narrow.size == narrow.allowed(everything(made)).sum() == (2 * 3 + 1) * 2 * 3 * 2 * 2
    assert narrow.allowed(narrow.sample(50, 0)).all()
    with pytest.raises(ValueError, match="read-only"):
        narrow.masks[0][0] = False
    with pytest.raises(PromptError, match="leave no choice"):
        made.restrict(pins=["style=woodcut", "palette=warm"])


def test_ban_by_words_but_a_whole_text_first():
    slots = (Slot("color", ["red", "dark red", "redwood", "blue"]),)
    assert PromptSpace(slots).restrict(bans=["color=red"]).options == ((1, 2, 3),)
    assert PromptSpace(slots).restrict(bans=["color=DARK"]).options == ((0, 2, 3),)


def test_huge_space():
    slots = tuple(Slot(f"s{i}", [f"o{k}" for k in range(10)]) for i in range(14))
    rules = tuple(not_both(f"s{i}=o0", f"s{i + 1}=o0") for i in range(13))
    made = PromptSpace(slots, constraints=rules)
    assert 10**13 < made.size < made.total == 10**14
    drawn = made.sample(500, 0)
    assert len(np.unique(drawn, axis=0)) == 500
    assert made.allowed(drawn).all()


def test_draws_follow_seed_and_weights():
    made = PromptSpace((Slot("a", [Option("x", 3), Option("y", 1)]), Slot("b", ["u", "v", "w"])))
    drawn = made.sample(20_000, 5, distinct=False)
    assert drawn[:, 0].mean() == pytest.approx(0.25, abs=0.01)
    assert np.bincount(drawn[:, 1]) / len(drawn) == pytest.approx([1 / 3] * 3, abs=0.012)
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 0.02
    assert (made.sample(30, 5, distinct=False) == drawn[:30]).all()
    assert (made.sample(30, 6, distinct=False) != drawn[:30]).any()
    assert (made.sample(6, np.random.default_rng(1)) == made.sample(6, np.random.default_rng(1))).all()
    assert len(made.sample(50, 0)) == 6


def test_draws_under_a_tight_constraint():
    slots = tuple(Slot(f"s{i}", [f"o{k}" for k in range(9)]) for i in range(4))
    rules = tuple(needs(f"s{i}=o{k}", f"s{i + 1}=o{k}") for i in range(3) for k in range(9))
    made = PromptSpace(slots, constraints=rules)
    assert made.size == 9
    drawn = made.sample(9, 1)
    assert sorted(drawn[:, 0]) == list(range(9))
    assert (drawn == drawn[:, :1]).all()


@given(st.integers(0, 2**40), st.lists(st.floats(0.1, 5), min_size=1, max_size=3), st.booleans())
@settings(max_examples=40, deadline=None)
def test_draw_order_is_stable_when_options_are_appended(seed, weights, bound):
    rules = (not_both("a=a0", "b=b1"),) if bound else ()
    a, b = Slot("a", ["a0", "a1", "a2"]), Slot("b", [Option("b0", 2), "b1"])
    old = PromptSpace((a, b), constraints=rules)
    longer = Slot("b", [*b.options, *(Option(f"new{i}", w) for i, w in enumerate(weights))])
    new = PromptSpace((a, longer), constraints=rules)
    before, after = old.sample(60, seed, distinct=False), new.sample(60, seed, distinct=False)
    for was, now in zip(before.tolist(), after.tolist(), strict=True):
        assert was == now or now[1] >= 2
    # Without repeats, what is left of the old order keeps it.
    order = [row for row in new.sample(100, seed).tolist() if row[1] < 2]
    places = [old.sample(100, seed).tolist().index(row) for row in order]
    assert len(places) == len(set(places)) == old.size


def test_draws_do_not_depend_on_other_slots_or_their_order():
    alone = PromptSpace((STYLE,)).sample(40, 9, distinct=False)[:, 0]
    assert (space().sample(40, 9, distinct=False)[:, 0] == alone).all()
    assert (space(slots=(LIGHT, STYLE)).sample(40, 9, distinct=False)[:, 1] == alone).all()


def test_an_edited_space_maps_old_choices():
    old = space()
    new = PromptSpace(
        (
            Slot("mood", ["", "calm"]),
            Slot("palette", ["warm colors", "", "cool colors"]),
            Slot("style", ["woodcut", Option("watercolor", 2), ""]),
            FAULTS,
            Slot("size", ["512 x 512", "512x768", "768x768"]),
            Slot("steps", ["", "20"]),
        ),
        "{subject} at moonlight, {mood}, {palette}, {style}",
        ("a fox",),
    )
    choices = [
        {"style": "woodcut", "light": "moonlight", "palette": "warm colors", "size": "512x768"},
        {"style": "pixel art", "size": "512x512"},
        {"style": "watercolor", "light": "neon light", "size": "512x512"},
        {"palette": "monochrome", "guidance": "3", "size": "512x512"},
        {"faults": "blurry", "size": "512x512"},
        {"guidance": "3", "size": "512x512"},
    ]
    mapped = new.map_from(old, np.array([old.choice_of(t) for t in choices]))
    assert mapped.rows.tolist() == [0, 4]
    assert [new.describe(c) for c in mapped.choices] == [
        {"mood": "", "palette": "warm colors", "style": "woodcut", "faults": "", "size": "512x768", "steps": ""},
        {"mood": "", "palette": "", "style": "", "faults": "blurry", "size": "512 x 512", "steps": ""},
    ]
    assert mapped.dropped == 4
    assert dict(mapped.reasons) == {
        "palette=monochrome, which is gone": 1,
        "style=pixel art, which is gone": 1,
        "the slot 'light', which is gone": 1,
        "the slot 'guidance', which is gone": 1,
    }
    assert str(mapped).startswith("4 of 6 earlier observations do not fit")


def test_mapping_the_same_space_keeps_everything():
    made = space()
    rows = made.sample(50, 0)
    mapped = made.restrict(bans=["style=pixel"]).map_from(made, rows)
    assert (mapped.choices == rows).all()
    assert mapped.dropped == 0
    assert "All 50" in str(mapped)
    assert made.map_from(made, np.empty((0, 6), int)).choices.shape == (0, 6)


def test_a_new_slot_takes_literal_text_of_the_old_template():
    old = PromptSpace((STYLE,), "a fox at moonlight, {style}")
    new = PromptSpace((STYLE, Slot("light", ["sun", "moonlight"])), "a fox at {light}, {style}")
    assert new.map_from(old, np.array([[1], [3]])).choices.tolist() == [[1, 1], [3, 1]]
    lost = PromptSpace((STYLE, Slot("mood", ["calm", "wild"]))).map_from(old, np.array([[1], [3]]))
    assert (len(lost.rows), lost.dropped) == (0, 2)
    assert "no empty option" in str(lost)


def test_a_new_slot_stands_for_whole_words_that_are_gone():
    old = PromptSpace((STYLE,), "a red cartoon fox, {style}")
    vehicles = PromptSpace((STYLE, Slot("vehicle", ["car", "bike"])), "a red cartoon fox, {style}, {vehicle}")
    assert vehicles.map_from(old, np.array([[1]])).dropped == 1
    twice = PromptSpace((STYLE, Slot("color", ["red", "blue"])), "a red cartoon fox, {style}, {color}")
    assert twice.map_from(old, np.array([[1]])).dropped == 1
    instead = PromptSpace((STYLE, Slot("color", ["blue", "red"])), "a {color} cartoon fox, {style}")
    assert instead.map_from(old, np.array([[1]])).choices.tolist() == [[1, 1]]
    # Of several options in the old words the longest is meant.
    longest = PromptSpace((STYLE, Slot("color", ["red", "red cartoon"])), "a {color} fox, {style}")
    assert longest.map_from(old, np.array([[1]])).choices.tolist() == [[1, 1]]


def test_fingerprint():
    made = space()
    same = space(
        slots=(Slot("style", [Option("", 3), *STYLE.options[1:]]), *made.slots[1:]),
        constraints=(not_both("style=woodcut", "light=neon light"),),
    )
    assert same.fingerprint == made.fingerprint
    assert space(contexts=("a yak",)).fingerprint != made.fingerprint
    assert space(slots=(LIGHT, STYLE)).fingerprint != space(slots=(STYLE, LIGHT)).fingerprint
    assert space(template="{subject} {style} {light} {palette}").fingerprint != made.fingerprint


def test_spaces_are_immutable_and_equal_by_value():
    assert space() == space()
    with pytest.raises(AttributeError):
        space().template = "x"
    listed = PromptSpace([STYLE], contexts=["a"])
    assert (listed.slots, listed.contexts) == ((STYLE,), ("a",))


def test_the_package_imports_nothing_heavy():
    code = "import sys, soart.prompts; print({'numpy', 'yaml', 'pydantic', 'scipy', 'pyDOE3'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_samples_of_a_space_that_constraints_nearly_close_follow_the_weights():
    # All slots must agree, which independent draws hardly ever do.
    slots = [Slot(f"s{i}", [Option("a", 1), Option("b", 1), Option("c", 3)]) for i in range(16)]
    rules = [needs(f"s{i}={text}", f"s{i + 1}={text}") for i in range(15) for text in "abc"]
    made = PromptSpace(slots, constraints=rules)
    drawn = made.sample(200, 0, distinct=False)
    assert (drawn == drawn[:, :1]).all()
    shares = np.bincount(drawn[:, 0], minlength=3) / len(drawn)
    assert shares[2] > 0.9
