"""The study of a prompt space: stored choices and their pictures.

A choice is stored before its picture is drawn, so that a run killed at any moment continues where it was.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ...errors import CollectionError, PromptError
from ...prompts.space.space import Choice, PromptSpace
from ..collection.collection import Collection
from ..collection.studies import choices_by_space, last_tuned_space, models_of, store_choice_previews, store_choices
from ..collection.tables import AWAY, ChoiceRow, ImageRow, SpaceRow
from ..models.request import Lora, drawn_by, loras_beside


@dataclass(frozen=True, slots=True)
class Trial:
    """A choice to draw, or drawn, by the numbers of options in the space as it is now."""

    number: int  # number, batch: from 0
    batch: int
    choice: Choice
    context: str  # a base subject, empty without any
    seed: int
    request_key: str
    row: ImageRow | None = None  # None before it is drawn
    previews: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # by share of the steps and judge
    dropped: bool = False  # True after a poor preview
    loras: tuple[Lora, ...] = ()  # of a choice that was not stored before

    @property
    def sound(self) -> bool:
        """True for a drawn picture that is sound."""
        return self.row is not None and self.row.problem in (None, AWAY)


@dataclass
class Study:
    """The choices of a space, in order, and of others in the same collection."""

    own: list[Trial] = field(default_factory=list)
    earlier: list[Trial] = field(default_factory=list)  # mean the same words here, their options renumbered
    #: have the same options in other words, such as another subject, which their contexts name; they only inform the
    #: rating model
    hints: list[Trial] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # sentences on both

    @property
    def drawn(self) -> list[Trial]:
        """Every choice with a sound picture, older versions first; each picture once, as the newest version's choice."""
        trials = {trial.request_key: trial for trial in (*self.earlier, *self.own)}
        return [trial for trial in trials.values() if trial.sound]

    @property
    def failed(self) -> list[Trial]:
        """Choices that were drawn without a sound picture."""
        sound = {trial.choice for trial in self.drawn}
        return [trial for trial in (*self.earlier, *self.own) if trial.row is not None and trial.choice not in sound]

    @property
    def waiting(self) -> list[Trial]:
        """Choices of this version that are still to be drawn."""
        return [trial for trial in self.own if trial.row is None and not trial.dropped]

    @property
    def dropped(self) -> list[Trial]:
        """Every choice that was dropped after a preview."""
        return [trial for trial in (*self.earlier, *self.own) if trial.row is None and trial.dropped]


def store_trials(collection: Collection, space: PromptSpace, model: str, trials: Sequence[Trial]) -> None:
    """Store choices of ``space`` that are to be drawn by ``model``, and the space as it is now."""
    rows = [
        ChoiceRow(
            fingerprint=space.fingerprint, request_key=trial.request_key, number=trial.number, batch=trial.batch,
            options=json.dumps(list(trial.choice)), context=trial.context, seed=trial.seed, model=drawn_by(model, trial.loras),
        )
        for trial in trials
    ]  # fmt: skip
    store_choices(collection, SpaceRow(fingerprint=space.fingerprint, text=space.to_yaml()), rows)


def store_previews(collection: Collection, space: PromptSpace, trials: Sequence[Trial]) -> None:
    """Store the early looks of choices of ``space``, and which of them are dropped."""
    previews = {trial.request_key: (trial.previews, trial.dropped) for trial in trials}
    store_choice_previews(collection, space.fingerprint, previews)


def last_space(collection: Collection) -> PromptSpace:
    """The space that was asked last."""
    row = last_tuned_space(collection)
    if row is None:
        raise CollectionError(
            f"Nothing was tuned in {collection.name!r} yet, so there is nothing to resume: name a space."
        )
    return PromptSpace.parse_yaml(row.text, f"space {row.fingerprint}")


def read_study(
    collection: Collection, space: PromptSpace, model: str, loras: Iterable[Lora] = (), stages: Container[str] = ()
) -> Study:
    """The study of ``space`` drawn by ``model``; choices of earlier versions are carried over where they keep their meaning.

    Choices with a LoRA count if its file is still that of ``loras``. Choices of the versions with the fingerprints
    ``stages``, to which options were only added since, are choices of this one.
    """
    study = Study()
    # In the order the spaces were first used, this version last: the newest of them has the last word.
    spaces = choices_by_space(collection, model, {f"{lora.name}@{lora.digest}" for lora in loras})
    for fingerprint, text, stored in sorted(spaces, key=lambda each: each.fingerprint == space.fingerprint):
        options = np.array([json.loads(row.options) for row, _ in stored], dtype=np.int64)
        if fingerprint == space.fingerprint:
            study.own += [_trial(collection, values, *each) for values, each in zip(options, stored, strict=True)]
        elif stored:
            try:
                old = PromptSpace.parse_yaml(text, f"space {fingerprint}")
            except PromptError as error:
                study.notes.append(f"An earlier space cannot be read any more, so its pictures do not count: {error}")
                continue
            mapped = space.map_from(old, options)
            trials = [
                (options[place], _trial(collection, values, *stored[place]))
                for values, place in zip(mapped.choices, mapped.rows.tolist(), strict=True)
            ]
            if fingerprint in stages:
                study.own += [trial for _, trial in trials]
                continue
            same, others = _by_words(old, space, trials)
            study.earlier += same
            study.hints += others
            if same or (mapped.dropped and _akin(old, space)):
                study.notes.append(str(mapped))
    study.own.sort(key=lambda trial: trial.number)
    if drawn := sum(trial.sound for trial in study.hints):
        pictures, they = (
            ("picture has", "it counts as a hint") if drawn == 1 else ("pictures have", "they count as hints")
        )
        study.notes.append(f"{drawn} earlier {pictures} the same options with other words: {they}.")
    name, drawers = model.partition("@")[0], models_of(collection, space.fingerprint)
    if any(one.startswith(f"{name}@") and loras_beside(model, one) is None for one in drawers):
        study.notes.append(
            f"The model {name!r} has changed: the pictures that it drew before stay, but do not count here."
        )
    return study


def _by_words(
    old: PromptSpace, new: PromptSpace, trials: Sequence[tuple[np.ndarray, Trial]]
) -> tuple[list[Trial], list[Trial]]:
    """Choices that mean the same words in both spaces, in the contexts of ``new``, and the others."""
    same, others = [], []
    for options, trial in trials:
        words = old.render_with(options, trial.context)
        contexts = [each for each in new.contexts or ("",) if new.render_with(trial.choice, each) == words]
        if contexts:
            same.append(replace(trial, context=contexts[0]))
        else:
            others.append(replace(trial, context=f"{old.template} · {old.negative} · {trial.context}"))
    return same, others


def _akin(first: PromptSpace, second: PromptSpace) -> bool:
    """True if two spaces have an option in common, so that one is likely an edited version of the other."""
    known = {(slot.name, slot.kind, text) for slot in first.slots for text in slot.texts if text}
    return any((slot.name, slot.kind, text) in known for slot in second.slots for text in slot.texts)


def _trial(collection: Collection, options: np.ndarray, row: ChoiceRow, image: ImageRow | None) -> Trial:
    """The trial of a stored choice whose option numbers are now ``options``.

    A picture whose file is gone counts as not drawn, unless it was moved away: whoever did that does not want it again.
    """
    there = image is not None and (image.problem == AWAY or collection.locate(image).is_file())
    return Trial(
        row.number, row.batch, tuple(int(option) for option in options), row.context, row.seed, row.request_key,
        image if there else None, json.loads(row.previews), row.dropped,
    )  # fmt: skip
