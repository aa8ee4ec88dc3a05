import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soart.errors import PromptError
from soart.prompts.space.constraints import needs, not_both
from soart.prompts.space.slots import Option, Slot
from soart.prompts.space.space import PromptSpace
from soart.prompts.space.templates import wildcard_values

FULL = """\
# A space with everything in it.
template: "{subject}, {style}, {light}"
negative: "ugly, {faults}"
contexts: [a fox in the snow, an owl]
slots:
  style:
    - ""
    - pixel art
    - woodcut: 0.5
    - {text: "no", weight: 2}
  light: [16:9 window, 1e3, off]
  faults:
    kind: negative
    options: ["", blurry]
  guidance: [3, 7.50]
  size: [512x768]
constraints:
  - not both: [style=pixel art, light=off]
  - if: style=woodcut
    needs: [light=off, guidance=3]
ban: light=1e3
pin: [guidance=7.5, guidance=3]
"""


def test_a_full_file():
    made = PromptSpace.parse_yaml(FULL)
    assert made == PromptSpace(
        (
            Slot("style", ["", "pixel art", Option("woodcut", 0.5), Option("no", 2)]),
            Slot("light", ["16:9 window", "1e3", "off"]),
            Slot("faults", ["", "blurry"], "negative"),
            Slot("guidance", ["3", "7.50"]),
            Slot("size", ["512x768"]),
        ),
        "{subject}, {style}, {light}",
        ("a fox in the snow", "an owl"),
        (not_both("style=pixel art", "light=off"), needs("style=woodcut", "light=off", "guidance=3")),
        "ugly, {faults}",
        (frozenset(), frozenset({1}), frozenset(), frozenset(), frozenset()),
    )
    drawn = made.render(made.choice_of({"style": "no", "light": "off", "guidance": 7.5}))
    assert drawn.prompt == "a fox in the snow, no, off"
    assert drawn.settings == {"guidance": 7.5, "width": 512, "height": 768}


def test_files_are_read_with_a_byte_order_mark(tmp_path):
    path = tmp_path / "räume.yaml"
    path.write_text("\ufeffslots: {style: [a, b]}\n", encoding="utf-8")
    assert PromptSpace.from_yaml(path).levels == (2,)


def test_wildcards_stand_for_a_vocabulary(tmp_path):
    (tmp_path / "animal.txt").write_text("yak\nowl\n")
    made = PromptSpace.parse_yaml(
        "slots: {animal: __animal__, style: [none, __style__: 2, {text: __x__}]}", "s.yaml", tmp_path
    )
    assert made.slots[0].texts == ("yak", "owl")
    assert made.slots[1].options == (
        Option("none"),
        *(Option(text, 2) for text in wildcard_values("style")),
        Option("__x__"),
    )
    with pytest.raises(PromptError, match=r"s\.yaml line 1, slots\.animal: Unknown wildcard"):
        PromptSpace.parse_yaml("slots: {animal: __animal__}", "s.yaml")


def test_anchors_work():
    made = PromptSpace.parse_yaml("slots:\n  a: &all [x, y]\n  b: *all\n")
    assert made.slots[1].texts == ("x", "y")


@pytest.mark.parametrize(
    ("change", "where", "words"),
    [
        ((r"  light: .*\n", "  light: []\n"), "line 11, slots.light", "without options"),
        ((r"  light: .*\n", "  light:\n"), "line 11, slots.light", "without options"),
        ((r"    options: .*\n", "    options:\n"), "line 12, slots.faults", "without options"),
        ((r"    - pixel art\n", "    -\n"), "line 8, slots.style.options.1", 'write ""'),
        ((r"    - pixel art\n", "    - {weight: 2}\n"), "line 8, slots.style.options.1", 'write ""'),
        ((r"    - pixel art\n", "    - [a, b]\n"), "line 8, slots.style.options.1", "keys with values, got a list"),
        ((r"    - pixel art\n", "    - woodcut\n"), "line 6, slots.style", "twice"),
        (("0.5", "-1"), "line 9, slots.style.options.2.weight", "greater than 0, got '-1'"),
        (("0.5", "lots"), "line 9, slots.style.options.2.weight", "got 'lots'"),
        (("0.5", ".nan"), "line 9, slots.style.options.2.weight", "number"),
        (("kind: negative", "kind: bad"), "line 13, slots.faults.kind", "'negative'"),
        (
            ("kind: negative", "sort: negative"),
            "line 13, slots.faults.sort",
            "not a known key here; known are options, kind",
        ),
        (("  guidance:", "  contrast!:"), "line 15, slots.contrast!", "slot name"),
        ((r"3, 7.50", "3, much"), "line 15, slots.guidance", "0…100"),
        (("512x768", "512"), "line 16, slots.size", "WIDTHxHEIGHT"),
        ((r"\{light\}", "{mood}"), "line 2, template", "unknown slot {mood}"),
        ((r", \{light\}", ""), "line 2, template", "leaves out {light}"),
        ((r"\{faults\}", "{style}"), "line 3, negative", "not a negative slot"),
        (("light=off]", "light=on]"), "line 18, constraints.0", "no option 'on'"),
        (
            ("not both: ", "both: "),
            "line 18, constraints.0.both",
            "not a known key here; known are not both, if, needs",
        ),
        (("    needs: .*\n", ""), "line 19, constraints.1", "'if' and 'needs'"),
        (
            ("  - if: .*\n    needs: .*\n", "  - if: style=pixel art\n    needs: light=off\n"),
            "line 19, constraints.1",
            "contradict",
        ),
        (("ban: .*\n", "ban: style\n"), "line 21, ban.0", "slot=option"),
        (("ban: .*\n", "ban: [light=off, light=1e3, light=16:9]\n"), "line 21, ban.2", "no option"),
        (("pin: .*\n", "pin: [light=1e3]\n"), "line 22, pin", "no option"),
        (("contexts:", "context:"), "line 4, context", "not a known key here; known are template"),
        (("contexts:", "template:"), "line 4", "second time"),
        (("  light:", "  style:"), "line 11", "second time"),
        ((r"contexts: \[", "contexts: ["), None, None),
        ((r"contexts: \[", "contexts: ("), None, None),
        (("  style:", "  style: {"), "line 7", "not valid YAML"),
        (("  light:", "\tlight:"), "line 11", "not valid YAML"),
        (("  light: .*", "  ? [a]\n  : b"), "line 11", "plain word"),
    ],
)
def test_mistakes_are_reported_with_line_and_path(change, where, words):
    text = re.sub(change[0], lambda _: change[1], FULL, count=1)
    if where is None:
        PromptSpace.parse_yaml(text)
        return
    with pytest.raises(PromptError) as caught:
        PromptSpace.parse_yaml(text, "mine.yaml")
    message = str(caught.value)
    assert message.startswith(f"mine.yaml {where}:")
    assert words in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "slots: is missing"),
        ("# nothing\n", "slots: is missing"),
        ("slotz:\n  x: [a, b]\n", "line 1, slotz: is not a known key here"),
        ("slots:\n  x: {optionz: [a, b]}\n", "line 2, slots.x.optionz: is not a known key here"),
        ("- a\n", "expected keys"),
        ("just words", "expected keys"),
        ("slots: {}", "no slots"),
        ("slots: [a, b]", "line 1, slots: "),
        ("slots:\n  a: &x [*x]\n", "round in circles"),
        (
            "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
            + "".join(f"{c}: &{c} [{','.join([f'*{p}'] * 10)}]\n" for p, c in zip("abcde", "bcdef", strict=True)),
            "grow without end",
        ),
        ("slots: " + "[" * 3000, "nested too deeply"),
        ("slots: {a: [x]}\n---\nslots: {}\n", "line 2: not valid YAML: expected a single document"),
        ("\nslots: {a: ['\x00', b]}", "line 2: not valid YAML"),
        ("slots: {a: *b}", "not valid YAML"),
    ],
)
def test_files_that_are_not_a_space(text, words):
    with pytest.raises(PromptError) as caught:
        PromptSpace.parse_yaml(text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unreadable_files(tmp_path):
    (tmp_path / "bytes.yaml").write_bytes(b"slots: \xff\xfe")
    for name in ("bytes.yaml", "missing.yaml", "."):
        with pytest.raises(PromptError, match="cannot be read"):
            PromptSpace.from_yaml(tmp_path / name)


def test_tags_are_ignored():
    made = PromptSpace.parse_yaml("slots: {a: [!!python/object/apply:os.system [x], y]}".replace("[x]", "x"))
    assert made.slots[0].texts == ("x", "y")


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)


@st.composite
def spaces(draw):
    names = draw(st.lists(st.from_regex(r"[a-z][a-z0-9_-]{0,5}", fullmatch=True), min_size=2, max_size=4, unique=True))
    slots = []
    for name in names:
        options = draw(st.lists(texts, min_size=2, max_size=4, unique_by=lambda t: " ".join(t.split()).casefold()))
        weights = draw(st.lists(st.floats(0.01, 100), min_size=len(options), max_size=len(options)))
        kind = draw(st.sampled_from(["text", "negative"]))
        slots.append(Slot(name, [Option(t, w) for t, w in zip(options, weights, strict=True)], kind))
    slots.append(
        Slot(
            "guidance",
            draw(st.lists(st.floats(0, 100), min_size=2, max_size=3, unique=True).map(lambda v: map(str, v))),
        )
    )
    contexts = draw(st.lists(texts.filter(lambda t: t.split()), max_size=2, unique_by=lambda t: " ".join(t.split())))
    first, second = slots[0], slots[-1]
    rules = draw(
        st.lists(
            st.sampled_from([not_both, needs]).map(
                lambda f: f(f"{first.name}={first.texts[0]}", f"guidance={second.texts[0]}")
            ),
            max_size=1,
        )
    )
    made = PromptSpace(tuple(slots), contexts=() if "subject" in names else tuple(contexts), constraints=tuple(rules))
    return made.restrict(bans=[f"{slots[1].name}={slots[1].texts[1]}"]) if draw(st.booleans()) else made


@given(spaces())
@settings(max_examples=60, deadline=None)
def test_round_trip(made):
    again = PromptSpace.parse_yaml(made.to_yaml())
    assert again == made
    assert (again.levels, again.size, again.fingerprint) == (made.levels, made.size, made.fingerprint)


def test_written_files_read_well():
    assert "- 3\n" in PromptSpace.parse_yaml(FULL).to_yaml()
    assert "'3'" not in PromptSpace.parse_yaml(FULL).to_yaml()
    assert PromptSpace.parse_yaml(PromptSpace.parse_yaml(FULL).to_yaml()) == PromptSpace.parse_yaml(FULL)
