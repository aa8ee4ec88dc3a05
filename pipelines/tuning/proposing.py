"""Options that a tune adds and retires between batches, stored so that a resumed tune takes the same steps.

A step is stored under the fingerprint of the space that the tune began with, before a choice of the changed space is.
Choices of all its stages count as choices of the space as it is now.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from ...errors import PromptError
from ...prompts.phrases.cutting import cut_prompt, vocabulary_lexicon
from ...prompts.space.from_text import VOCABULARY_SLOTS
from ...prompts.space.space import PromptSpace
from ...prompts.space.templates import check_wildcards, wildcard_values
from ...prompts.steering.proposals import (
    NeighbourProposer,
    Proposal,
    Proposer,
    Situation,
    is_open,
    new_proposals,
    plain_option,
)
from ...prompts.steering.spaces import Meanings
from ...prompts.steering.steering import Steering
from ..collection.collection import Collection
from ..collection.settings import setting, store_setting
from ..support.wording import stored_text

#: Options added and retired at most in one step, and fewest options that a slot keeps.
ADDED, RETIRED, KEPT = 2, 2, 3
#: Good prompts of the collection whose phrases are candidates.
PROMPTS = 8
#: Kind of the phrases that name what a picture shows.
SUBJECT = "subject"


@dataclass(frozen=True, slots=True)
class SpaceStep:
    """A change of the options of a space, after some number of choices."""

    after: int
    fingerprint: str  # of the space after it
    added: tuple[Proposal, ...] = ()
    retired: tuple[tuple[str, str], ...] = ()  # slots and options
    note: str = ""  # why nothing was proposed
    goal: tuple[str, ...] = ()  # the judges to whom options are hopeless

    def judged_by(self, goal: tuple[str, ...]) -> SpaceStep:
        """This step for the judges ``goal``: without what was retired for others."""
        return self if self.goal == goal else replace(self, retired=())

    def __str__(self) -> str:
        """One sentence for the user; empty if nothing changed."""
        parts = [f"added {p.slot}={_named(p.text)} ({p.reason})" for p in self.added]
        parts += [f"retired {slot}={_named(option) or '(nothing)'}" for slot, option in self.retired]
        parts += [self.note] if self.note else []
        return f"After {self.after} candidates: {', '.join(parts)}." if parts else ""


def _named(option: str) -> str:
    """An option in a list of them: in quotation marks if it has commas of its own."""
    return f"'{option}'" if "," in option else option


def vocabulary_proposer(vocabulary: str = "general", wildcards: Path | str | None = None) -> NeighbourProposer:
    """Return a proposer for ``soart.Tuner`` that takes words from the vocabularies which soart adds to a plain prompt.

    Args:
        vocabulary: ``general`` or ``embedded``.
        wildcards: a folder of the user's own ``NAME.txt`` files, which come first.

    Raises:
        PromptError: an unknown vocabulary or folder, or a file that cannot be read.

    Examples:
        >>> import soart
        >>> proposer = soart.vocabulary_proposer("embedded")
        >>> proposer.vocabularies["style"][:2]
        ['flat design', 'watercolor']
    """
    if vocabulary not in VOCABULARY_SLOTS:
        raise PromptError(f"Unknown vocabulary {vocabulary!r}: known are {', '.join(VOCABULARY_SLOTS)}.")
    check_wildcards(wildcards)
    names = [path.stem for path in sorted(Path(wildcards).glob("*.txt"))] if wildcards else []
    names += [file for _, file, _ in VOCABULARY_SLOTS[vocabulary]]
    names += ["subject"] if vocabulary == "embedded" else []
    return NeighbourProposer({name: wildcard_values(name, wildcards) for name in dict.fromkeys(names)})


def history_key(fingerprint: str, model: str, seed: int) -> str:
    """Key of the steps that began with a space, drawn by ``model`` with the search seed ``seed``."""
    return f"proposals {fingerprint} {hashlib.sha256(f'{model} {seed}'.encode()).hexdigest()[:16]}"


def read_steps(collection: Collection, root: str, model: str, seed: int) -> list[SpaceStep]:
    """The steps that were taken from the space with the fingerprint ``root``, in order."""
    stored = json.loads(setting(collection, history_key(root, model, seed)) or "{}")
    return [
        SpaceStep(
            step["after"],
            step["fingerprint"],
            tuple(Proposal(**each | {"reason": stored_text(each["reason"])}) for each in step["added"]),
            tuple((slot, option) for slot, option in step["retired"]),
            step["note"],
            tuple(step["goal"]),
        )
        for step in stored.get("steps", ())
    ]


def root_of(collection: Collection, fingerprint: str, model: str, seed: int) -> str:
    """Fingerprint of the space that the stage ``fingerprint`` of a tune began with; itself if it is no later stage."""
    stored = json.loads(setting(collection, history_key(fingerprint, model, seed)) or "{}")
    return str(stored.get("root", fingerprint))


def history_of(
    collection: Collection, fingerprint: str, model: str, seed: int, *, proposing: bool
) -> tuple[str, list[SpaceStep]]:
    """Fingerprint of the space that a tune began with, and its steps from there, all of them or up to the named space."""
    root = root_of(collection, fingerprint, model, seed)
    steps = read_steps(collection, root, model, seed)
    if not proposing:
        known = [number for number, step in enumerate(steps) if step.fingerprint == fingerprint]
        steps = steps[: max(known) + 1] if known and root != fingerprint else []
    return root, steps


def store_steps(collection: Collection, root: str, model: str, seed: int, steps: Sequence[SpaceStep]) -> None:
    """Store all steps from ``root``, and for each stage the root that it began with."""
    text = json.dumps({"steps": [asdict(step) for step in steps]})
    for stage in {step.fingerprint for step in steps} - {root}:
        store_setting(collection, history_key(stage, model, seed), json.dumps({"root": root}))
    store_setting(collection, history_key(root, model, seed), text)


def pinned_slots(space: PromptSpace) -> set[str]:
    """Names of the slots that bans and pins leave a single one of several options."""
    pairs = zip(space.slots, space.options, strict=True)
    return {slot.name for slot, left in pairs if len(left) == 1 < len(slot.options)}


def take(space: PromptSpace, step: SpaceStep) -> PromptSpace:
    """``space`` after a step; what it has or lacks already stays, and a pinned slot keeps its pin."""
    pinned = pinned_slots(space)
    for proposal in new_proposals(step.added, space, len(step.added)):
        space = space.with_options({proposal.slot: [proposal.text]})
        if proposal.slot in pinned:
            space = space.restrict(bans=[f"{proposal.slot}={proposal.text}"])
    for slot, option in step.retired:
        banned = [set(options) for options in space.banned]
        for at, each in enumerate(space.slots):
            if each.name == slot and option in each.texts:
                banned[at].add(each.texts.index(option))
        try:
            space = space.excluding(banned)
        except PromptError:
            # The user's own bans leave the slot nothing else.
            continue
    return space


def next_step(
    space: PromptSpace,
    steering: Steering,
    proposer: Proposer,
    prompts: Sequence[str],
    meanings: Callable[[Sequence[str]], Meanings],
    after: int,
    rng: np.random.Generator,
) -> tuple[PromptSpace, SpaceStep]:
    """Retire hopeless options, and add what a proposer proposes; returns the space after the step, and the step."""
    parents = {condition.parent for condition in space.conditions}
    worded = [
        at for at, slot in enumerate(space.slots)
        if slot.kind != "setting" and slot.numbers is None and at not in parents
    ]  # fmt: skip
    retired: list[tuple[str, str]] = []
    for at, option in steering.hopeless(rng):
        if at not in worded or len(retired) == RETIRED:
            continue
        pair = (space.slots[at].name, space.slots[at].texts[option])
        left = take(space, SpaceStep(after, "", retired=(*retired, pair)))
        if left.banned != space.banned and len(left.options[at]) >= KEPT:
            retired.append(pair)
    narrowed = take(space, SpaceStep(after, "", retired=tuple(retired)))
    # The user chose the option of a pinned slot.
    open_slots = {space.slots[at].name for at in worded if is_open(space.slots[at])} - pinned_slots(space)
    effects: dict[str, dict[str, float]] = {slot.name: {} for slot in space.slots if slot.name in open_slots}
    for effect in steering.effects(rng).effects:
        if space.slots[effect.slot].name in effects and effect.option in narrowed.options[effect.slot]:
            effects[space.slots[effect.slot].name][space.slots[effect.slot].texts[effect.option]] = effect.mean
    phrases = phrases_of(prompts, narrowed)
    situation = Situation(narrowed, effects, phrases, meanings, barred_slots(phrases, prompts, narrowed))
    added = new_proposals(proposer.propose(situation, ADDED), narrowed, ADDED)
    note = "" if added else proposer.note
    step = SpaceStep(after, "", tuple(added), tuple(retired), note)
    changed = take(space, step)
    return changed, SpaceStep(after, changed.fingerprint, step.added, step.retired, note)


def phrases_of(prompts: Sequence[str], space: PromptSpace) -> list[str]:
    """The phrases of ``prompts`` that may become options: what the space does not say already."""
    said = " ".join(
        [space.template, *space.contexts, *(text for slot in space.slots for text in slot.texts)]
    ).casefold()
    lexicon = vocabulary_lexicon()
    phrases = [
        plain_option(part)
        for prompt in prompts
        for part in (
            *prompt.split(",")[1:],
            *(phrase.text for phrase in cut_prompt(prompt, lexicon) if not phrase.negated),
        )
    ]
    return [phrase for phrase in dict.fromkeys(phrases) if len(phrase) > 2 and phrase.casefold() not in said]


def barred_slots(phrases: Sequence[str], prompts: Sequence[str], space: PromptSpace) -> dict[str, frozenset[str]]:
    """Slots by phrase that it does not fit: a subject of one of the prompts is no style, palette, light or the like.

    A phrase is a subject if its last words are one, such as "a red fox". A slot is of such a kind if it is called so,
    or if the built-in vocabularies know options of it as such, and none as a subject. ``phrases`` are those of
    ``phrases_of``.
    """
    lexicon = vocabulary_lexicon()
    manners = set(lexicon.values()) - {SUBJECT}
    slots = set()
    for slot in space.slots:
        kinds = {lexicon.get(text.casefold()) for text in slot.texts} - {None}
        if SUBJECT not in kinds and (kinds or slot.name.casefold() in manners):
            slots.add(slot.name)
    subjects = {
        phrase.text
        for prompt in prompts
        for phrase in cut_prompt(prompt, lexicon)
        if phrase.kind in (SUBJECT, "attribute", "count") and not phrase.negated
    }
    named = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, sorted(subjects))) or '(?!)'})$")
    return {
        phrase: frozenset(slots)
        for phrase in phrases
        if lexicon.get(phrase.casefold(), SUBJECT) == SUBJECT and named.search(phrase.casefold())
    }
