"""What tuning asked for, kept in the collection: spaces, choices, and the pictures that came of them.

A choice is written down before its picture is drawn, so that a run killed at any moment goes on where it was.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ...errors import CollectionError
from ...prompts.space.space import Choice, PromptSpace
from ...prompts.space.yaml_file import parse_space
from ..collection.collection import Collection
from ..collection.studies import choices_by_space, last_tuned_space, store_choice_previews, store_choices
from ..collection.tables import AWAY, ChoiceRow, ImageRow, SpaceRow


@dataclass(frozen=True, slots=True)
class Trial:
    """A choice that was asked for.

    Attributes:
        number, batch: its place in the order of asking, and the batch it came in; both count from 0.
        choice: option numbers in the space as it is now.
        context: base subject, empty where the space has none.
        seed: image seed.
        request_key: identity of its picture.
        row: its picture; None while it is not drawn.
        previews: scores of early looks, by share of the steps and profile.
        dropped: not to be drawn, for its early look was poor.
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


@dataclass
class Study:
    """All that was asked for in a space and in its earlier versions in the same collection.

    Attributes:
        own: choices of this version of the space, in the order of asking.
        earlier: choices of other versions that this one still has, their options renumbered.
        notes: a sentence for each other version: what was taken over, what was dropped.
    """

    own: list[Trial] = field(default_factory=list)
    earlier: list[Trial] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def drawn(self) -> list[Trial]:
        """Every choice whose picture is there and sound, older versions first; each picture once, as the newest version says it."""
        found = {asked.request_key: asked for asked in (*self.earlier, *self.own)}
        return [asked for asked in found.values() if asked.row is not None and asked.row.problem in (None, AWAY)]

    @property
    def failed(self) -> list[Trial]:
        """Choices that were drawn, and never soundly."""
        sound = {asked.choice for asked in self.drawn}
        return [asked for asked in (*self.earlier, *self.own) if asked.row is not None and asked.choice not in sound]

    @property
    def waiting(self) -> list[Trial]:
        """Choices of this version that are still to be drawn."""
        return [asked for asked in self.own if asked.row is None and not asked.dropped]

    @property
    def dropped(self) -> list[Trial]:
        """Every choice that was dropped after an early look."""
        return [asked for asked in (*self.earlier, *self.own) if asked.row is None and asked.dropped]


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
            model=model,
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
    return parse_space(row.text, f"space {row.fingerprint}")


def read_study(collection: Collection, space: PromptSpace, model: str) -> Study:
    """The study of ``space`` drawn by ``model``; choices of earlier versions are carried over where they keep their meaning."""
    study = Study()
    # In the order the spaces were first used, this version last: the newest of them has the last word.
    spaces = choices_by_space(collection, model)
    for fingerprint, text, stored in sorted(spaces, key=lambda each: each.fingerprint == space.fingerprint):
        options = np.array([json.loads(row.options) for row, _ in stored], dtype=np.int64)
        places = list(range(len(stored)))
        if fingerprint != space.fingerprint and stored:
            mapped = space.map_from(parse_space(text, f"space {fingerprint}"), options)
            options, places = mapped.choices, [int(place) for place in mapped.rows]
            study.notes.append(str(mapped))
        trials = study.own if fingerprint == space.fingerprint else study.earlier
        trials += [_trial(collection, values, *stored[place]) for values, place in zip(options, places, strict=True)]
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
