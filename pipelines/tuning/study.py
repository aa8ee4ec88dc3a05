"""The study of a prompt space: stored choices and their pictures.

A choice is stored before its picture is drawn, so that a run killed at any moment continues where it was.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ...errors import CollectionError
from ...prompts.space.space import Choice, PromptSpace
from ..collection.collection import Collection
from ..collection.studies import choices_by_space, last_tuned_space, store_choice_previews, store_choices
from ..collection.tables import AWAY, ChoiceRow, ImageRow, SpaceRow
from ..models.request import Lora, drawn_by


@dataclass(frozen=True, slots=True)
class Trial:
    """A choice to draw, or drawn.

    Attributes:
        number, batch: its place among the choices, and its batch; both count from 0.
        choice: option numbers in the space as it is now.
        context: base subject; empty if the space has none.
        seed: image seed.
        request_key: identity of its picture.
        row: its picture; None before it is drawn.
        previews: scores of previews, by share of the steps and profile.
        dropped: not to be drawn, because its preview was poor.
        loras: those of its prompt, of a choice that was not stored before.
    """

    number: int
    batch: int
    choice: Choice
    context: str
    seed: int
    request_key: str
    row: ImageRow | None = None
    previews: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    dropped: bool = False
    loras: tuple[Lora, ...] = ()


@dataclass
class Study:
    """The choices of a space and of its earlier versions in the same collection.

    Attributes:
        own: choices of this version of the space, in order.
        earlier: choices of other versions that this one still has, their options renumbered.
        notes: a sentence for each other version, on the choices taken over and left out.
    """

    own: list[Trial] = field(default_factory=list)
    earlier: list[Trial] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def drawn(self) -> list[Trial]:
        """Every choice with a sound picture, older versions first; each picture once, as the newest version's choice."""
        trials = {trial.request_key: trial for trial in (*self.earlier, *self.own)}
        return [trial for trial in trials.values() if trial.row is not None and trial.row.problem in (None, AWAY)]

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
            fingerprint=space.fingerprint,
            request_key=trial.request_key,
            number=trial.number,
            batch=trial.batch,
            options=json.dumps(list(trial.choice)),
            context=trial.context,
            seed=trial.seed,
            model=drawn_by(model, trial.loras),
        )
        for trial in trials
    ]
    store_choices(collection, SpaceRow(fingerprint=space.fingerprint, text=space.to_yaml()), rows)


def store_previews(collection: Collection, space: PromptSpace, trials: Sequence[Trial]) -> None:
    """Store the early looks of choices of ``space``, and which of them are dropped."""
    previews = {trial.request_key: (trial.previews, trial.dropped) for trial in trials}
    store_choice_previews(collection, space.fingerprint, previews)


def last_space(collection: Collection) -> PromptSpace:
    """The space that was asked last.

    Raises:
        CollectionError: none was tuned here.
    """
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
        places = list(range(len(stored)))
        if fingerprint != space.fingerprint and stored:
            mapped = space.map_from(PromptSpace.parse_yaml(text, f"space {fingerprint}"), options)
            options, places = mapped.choices, [int(place) for place in mapped.rows]
            if fingerprint not in stages:
                study.notes.append(str(mapped))
        trials = study.own if fingerprint == space.fingerprint or fingerprint in stages else study.earlier
        trials += [_trial(collection, values, *stored[place]) for values, place in zip(options, places, strict=True)]
    study.own.sort(key=lambda trial: trial.number)
    return study


def _trial(collection: Collection, options: np.ndarray, row: ChoiceRow, image: ImageRow | None) -> Trial:
    """The trial of a stored choice whose option numbers are now ``options``; a picture whose file is gone counts as not drawn."""
    return Trial(
        row.number,
        row.batch,
        tuple(int(option) for option in options),
        row.context,
        row.seed,
        row.request_key,
        image if image is not None and collection.locate(image).is_file() else None,
        json.loads(row.previews),
        row.dropped,
    )
