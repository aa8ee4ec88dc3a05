"""The study of a prompt space: stored choices and their pictures.

A choice is stored before its picture is drawn, so that a run killed at any moment continues where it was.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import func, select

from ...errors import CollectionError
from ...prompts.space.space import Choice, PromptSpace
from ...prompts.space.yaml_file import parse_space
from ..collection.collection import Collection
from ..collection.tables import AWAY, ChoiceRow, GenerationRow, ImageRow, SpaceRow


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


def store_trials(collection: Collection, space: PromptSpace, model: str, asked: Sequence[Trial]) -> None:
    """Store choices of ``space`` that are to be drawn by ``model``, and the space as it is now."""
    with collection.session("be written", write=True) as session:
        session.merge(SpaceRow(fingerprint=space.fingerprint, text=space.to_yaml()))
        session.flush()
        for one in asked:
            row = ChoiceRow(
                fingerprint=space.fingerprint,
                request_key=one.request_key,
                number=one.number,
                batch=one.batch,
                options=json.dumps(list(one.choice)),
                context=one.context,
                seed=one.seed,
                model=model,
            )
            session.merge(row)


def store_previews(collection: Collection, space: PromptSpace, looked: Sequence[Trial]) -> None:
    """Store the early looks of choices of ``space``, and which of them are dropped."""
    with collection.session("be written", write=True) as session:
        for one in looked:
            row = session.get_one(ChoiceRow, (space.fingerprint, one.request_key))
            row.previews, row.dropped = json.dumps(one.previews), one.dropped


def last_space(collection: Collection) -> PromptSpace:
    """The space that was asked last.

    Raises:
        CollectionError: none was tuned here.
    """
    query = select(SpaceRow).join(ChoiceRow).order_by(ChoiceRow.created_at.desc(), ChoiceRow.number.desc()).limit(1)
    with collection.session("be read") as session:
        row = session.scalar(query)
    if row is None:
        raise CollectionError(
            f"Nothing was tuned in {collection.name!r} yet, so there is nothing to resume: name a space."
        )
    return parse_space(row.text, f"space {row.fingerprint}")


def read_study(collection: Collection, space: PromptSpace, model: str) -> Study:
    """What was asked of ``model`` in ``space``; choices of spaces that were edited into it are carried over where they keep their meaning."""
    study = Study()
    with collection.session("be read") as session:
        # In the order they were first asked, for the newest of them has the last word.
        query = select(SpaceRow.fingerprint, SpaceRow.text).outerjoin(ChoiceRow)
        query = query.group_by(SpaceRow.fingerprint, SpaceRow.text).order_by(func.min(ChoiceRow.created_at))
        spaces = dict(session.execute(query).all())
        for fingerprint, text in sorted(spaces.items(), key=lambda pair: pair[0] == space.fingerprint):
            drawn = (
                select(ChoiceRow, ImageRow)
                .outerjoin(GenerationRow, GenerationRow.request_key == ChoiceRow.request_key)
                .outerjoin(ImageRow, ImageRow.id == GenerationRow.image_id)
                .where(ChoiceRow.fingerprint == fingerprint, ChoiceRow.model == model)
                .order_by(ChoiceRow.number)
            )
            found = session.execute(drawn).all()
            options = np.array([json.loads(choice.options) for choice, _ in found], dtype=np.int64)
            kept = list(range(len(found)))
            if fingerprint != space.fingerprint and len(found):
                mapped = space.map_from(parse_space(text, f"space {fingerprint}"), options)
                options, kept = mapped.choices, [int(row) for row in mapped.rows]
                study.notes.append(str(mapped))
            target = study.own if fingerprint == space.fingerprint else study.earlier
            for values, place in zip(options, kept, strict=True):
                choice, image = found[place]
                target.append(
                    Trial(
                        choice.number,
                        choice.batch,
                        tuple(int(v) for v in values),
                        choice.context,
                        choice.seed,
                        choice.request_key,
                        image if image is not None and collection.locate(image).is_file() else None,
                        json.loads(choice.previews),
                        choice.dropped,
                    )
                )
    return study
