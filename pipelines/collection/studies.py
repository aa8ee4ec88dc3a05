"""Prompt spaces that were tuned, and the choices of them that were requested, with their pictures."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import func, select

from ..models.request import loras_beside
from .collection import Collection
from .tables import ChoiceRow, GenerationRow, ImageRow, SpaceRow


class SpaceChoices(NamedTuple):
    """A tuned space as YAML with its choices by number, each with its picture; None for one that is not drawn."""

    fingerprint: str
    text: str
    choices: list[tuple[ChoiceRow, ImageRow | None]]


def store_choices(collection: Collection, space: SpaceRow, choices: Sequence[ChoiceRow]) -> None:
    """Store a space, and choices of it, in place of earlier rows of the same keys."""
    with collection.session("be written", write=True) as session:
        session.merge(space)
        session.flush()
        for choice in choices:
            session.merge(choice)


def store_choice_previews(
    collection: Collection, fingerprint: str, previews: Mapping[str, tuple[Mapping[str, Mapping[str, float]], bool]]
) -> None:
    """Store the preview scores of choices, and whether each is dropped, by request key."""
    with collection.session("be written", write=True) as session:
        for request_key, (scores, dropped) in previews.items():
            row = session.get_one(ChoiceRow, (fingerprint, request_key))
            row.previews, row.dropped = json.dumps(scores), dropped


def last_tuned_space(collection: Collection) -> SpaceRow | None:
    """Return the space of the last requested choice; None if nothing was tuned."""
    query = select(SpaceRow).join(ChoiceRow).order_by(ChoiceRow.created_at.desc(), ChoiceRow.number.desc()).limit(1)
    with collection.session("be read") as session:
        return session.scalar(query)


def choices_by_space(collection: Collection, model: str, loras: Container[str] = ()) -> list[SpaceChoices]:
    """Return every tuned space with its choices drawn by ``model``, in the order of their first use.

    Choices with LoRAs count if all of these are among ``loras``, each as ``name@digest``.
    """
    spaces = select(SpaceRow.fingerprint, SpaceRow.text).outerjoin(ChoiceRow)
    spaces = spaces.group_by(SpaceRow.fingerprint, SpaceRow.text).order_by(func.min(ChoiceRow.created_at))
    drawn = (
        select(ChoiceRow, ImageRow)
        .outerjoin(GenerationRow, GenerationRow.request_key == ChoiceRow.request_key)
        .outerjoin(ImageRow, ImageRow.id == GenerationRow.image_id)
        .where(ChoiceRow.model.startswith(model, autoescape=True))
        .order_by(ChoiceRow.number)
    )
    with collection.session("be read") as session:
        found = {fingerprint: SpaceChoices(fingerprint, text, []) for fingerprint, text in session.execute(spaces)}
        for row, image in session.execute(drawn):
            if (used := loras_beside(model, row.model)) is not None and all(lora in loras for lora in used):
                found[row.fingerprint].choices.append((row, image))
    return [*found.values()]


def models_of(collection: Collection, fingerprint: str) -> list[str]:
    """Return the identities of the models that choices of a space are drawn by."""
    with collection.session("be read") as session:
        return [*session.scalars(select(ChoiceRow.model).where(ChoiceRow.fingerprint == fingerprint).distinct())]


def drawn_pictures(collection: Collection, fingerprints: Iterable[str]) -> list[tuple[int, int]]:
    """Return (picture id, batch) of every drawn choice of some spaces, in the order of the choices' numbers."""
    query = (
        select(ImageRow.id, ChoiceRow.batch)
        .join(GenerationRow, GenerationRow.request_key == ChoiceRow.request_key)
        .join(ImageRow, ImageRow.id == GenerationRow.image_id)
        .where(ChoiceRow.fingerprint.in_(set(fingerprints)))
        .order_by(ChoiceRow.number)
    )
    with collection.session("be read") as session:
        return [(image, batch) for image, batch in session.execute(query)]
