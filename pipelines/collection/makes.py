"""Effects of models on the places of a collection's pictures, see ``metrics.tastes.model_effects``.

They come from the stored overall scores of all pictures that the collection knows, also of those moved away, so that they are
the same for every filter. The collection keeps them until scores or makes change.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import BigInteger, Select, case, cast, func, select

from ...errors import CollectionError
from ...metrics.damage.names import OVERALL
from ...metrics.tastes.model_effects import Makes, ModelEffects, in_points, model_effects
from ..support.wording import printable
from .collection import Collection
from .results import store_result, stored_result
from .settings import setting, store_setting
from .tables import GenerationRow, MetadataRow, ScoreRow

#: Name of the stored effects, and key of the setting that turns them off; version of what is stored; longest name shown.
_NAME, _SETTING, _VERSION, _LONGEST = "model effects", "model effect", "1", 60
_LORA = re.compile(r"<(?:lora|lyco):([^:<>\n]+)(?::([-+\d.]+))?[^<>\n]*>", re.IGNORECASE)
_MODEL = func.coalesce(GenerationRow.model, MetadataRow.model)
#: Settings as JSON text where they name LoRAs beside those of the prompt; else empty.
NAMED_LORAS = case((MetadataRow.settings.contains('"loras"'), MetadataRow.settings), else_="")


def names_of_loras(prompt: str, settings: str) -> tuple[str, ...]:
    """Names of the LoRAs of a picture, by its prompt and ``NAMED_LORAS``."""
    written = json.loads(settings).get("loras", "") if settings else ""
    return tuple(name for name, _ in loras_in(prompt, written)) if written or "<" in prompt else ()


def without_loras(prompt: str) -> str:
    """A prompt without LoRAs and superfluous spaces."""
    return " ".join((_LORA.sub(" ", prompt) if "<" in prompt else prompt).split())


def loras_in(prompt: str, written: str) -> tuple[tuple[str, float], ...]:
    """Names and weights of LoRAs, from a prompt and from ``name:weight, …``."""
    found = {match[1]: match[2] for match in _LORA.finditer(prompt)}
    for part in written.split(", ") if written else ():
        name, _, weight = part.rpartition(":")
        found.setdefault(name or weight, weight if name else "1")
    loras = {}
    for name, weight in found.items():
        try:
            loras[name] = float(weight or 1)
        except ValueError:
            loras[name] = 1.0
    return tuple(sorted(loras.items()))


@dataclass(frozen=True)
class PlaceEffects:
    """Effects on the places of m pictures, of which others have none."""

    ids: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))  # (m,) of the pictures, ascending
    make: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))  # (m,) number of each picture's make
    logits: np.ndarray = field(default_factory=lambda: np.zeros(0))  # of each make, in logits of the score
    words: Sequence[str] = ()  # each make, such as ``pictures by dreamshaper-8``

    def points(self, ids: Sequence[int] | np.ndarray, scores: np.ndarray) -> np.ndarray:
        """(n,) points that count beside the (n,) scores of pictures where these are put in places; 0 for none."""
        at, known = self._rows(ids)
        logits = np.zeros(len(known))
        logits[known] = self.logits[self.make[at[known]]]
        return in_points(scores, logits)

    def in_places(self, scored: Sequence[tuple[int, float | None]], *, ascending: bool) -> list[int]:
        """Ids in the order of places, of ids and scores in the order of scores; those without a score stay the last."""
        ids = [image for image, score in scored if score is not None]
        scores = np.array([score for _, score in scored if score is not None], dtype=np.float64)
        standing = scores + self.points(ids, scores)
        rows = np.argsort(standing if ascending else -standing, kind="stable")
        return [*(ids[row] for row in rows.tolist()), *(image for image, score in scored if score is None)]

    def why(self, ids: Sequence[int]) -> list[str]:
        """A reason in words for the effect on each picture; empty for none."""
        at, known = self._rows(ids)
        makes = [int(self.make[row]) if there else -1 for row, there in zip(at, known, strict=True)]
        return [
            ""
            if make < 0
            else f"{self.words[make]} score {'higher' if self.logits[make] > 0 else 'lower'} than others here"
            for make in makes
        ]

    def _rows(self, ids: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(n,) rows of pictures, and True (n,) where there is one."""
        numbers = np.asarray(ids, dtype=np.int64)
        if not len(self.ids):
            return np.zeros(len(numbers), np.int64), np.zeros(len(numbers), bool)
        at = np.searchsorted(self.ids, numbers).clip(max=len(self.ids) - 1)
        return at, self.ids[at] == numbers


def counts_models(collection: Collection) -> bool:
    """True unless models are to have no effect on places: by this call, else by the collection's own setting."""
    if collection.model_effect is not None:
        return collection.model_effect
    return setting(collection, _SETTING) != "off"


def count_models(collection: Collection, on: bool) -> None:
    """Let models have an effect on places from now on, or none."""
    store_setting(collection, _SETTING, "on" if on else "off")
    collection.model_effect = None


def place_effects(collection: Collection, judge: str) -> PlaceEffects:
    """The effects on places under a stored judge: none but for the overall score.

    A general score says little of what it cannot see in a single picture, so what it says of a model's other pictures
    adds to it. Tastes learn from models themselves, and a fault such as blur, a model that judges, a person or a sum with
    weights of the user's is what was asked for.
    """
    if not judge.startswith(f"{OVERALL}-") or not counts_models(collection):
        return PlaceEffects()
    state = _state(collection, judge)
    if not state:
        return PlaceEffects()
    if (stored := stored_result(collection, _NAME, state)) is not None:
        with np.load(io.BytesIO(stored), allow_pickle=False) as kept:
            words = json.loads(kept["words"].tobytes())
            return PlaceEffects(kept["ids"], kept["make"], kept["logits"], words)
    found = _found(collection, judge)
    buffer, words = io.BytesIO(), np.frombuffer(json.dumps(found.words).encode(), np.uint8)
    np.savez(buffer, allow_pickle=False, ids=found.ids, make=found.make, logits=found.logits, words=words)
    # They only save time.
    with contextlib.suppress(CollectionError):
        store_result(collection, _NAME, state, buffer.getvalue())
    return found


def _state(collection: Collection, judge: str) -> str:
    """A hash of counts and sums that differ when scores or makes do; empty without a picture of known make."""
    scores = select(func.count(), func.sum(cast(ScoreRow.value * 1e6, BigInteger)), func.max(ScoreRow.image_id))
    metadata = select(*(func.sum(func.length(getattr(MetadataRow, name))) for name in ("model", "prompt", "settings")))
    with collection.session("be read") as session:
        drawn = session.execute(select(func.count(), func.max(GenerationRow.image_id))).one()
        written = session.execute(metadata).one()
        if not drawn[0] and not written[0]:
            return ""
        scored = session.execute(scores.where(ScoreRow.judge == judge)).one()
    return hashlib.sha256(f"{_VERSION} {judge} {drawn} {written} {scored}".encode()).hexdigest()


def _found(collection: Collection, judge: str) -> PlaceEffects:
    query: Select[Any] = (
        select(
            ScoreRow.image_id,
            ScoreRow.value,
            _MODEL,
            func.coalesce(GenerationRow.prompt, MetadataRow.prompt),
            NAMED_LORAS,
        )
        .outerjoin(GenerationRow, GenerationRow.image_id == ScoreRow.image_id)
        .outerjoin(MetadataRow, MetadataRow.image_id == ScoreRow.image_id)
        .where(ScoreRow.judge == judge, ScoreRow.value.is_not(None), _MODEL.is_not(None))
        .order_by(ScoreRow.image_id)
    )
    ids, scores, makes = list[int](), list[float](), Makes([], [], [])
    with collection.session("be read") as session:
        for image, value, model, prompt, settings in session.execute(query):
            ids.append(image)
            scores.append(value)
            makes.models.append(model.partition("@")[0])
            makes.loras.append(names_of_loras(prompt or "", settings or ""))
            makes.prompts.append(without_loras(prompt or ""))
    effects = model_effects(np.array(scores), makes)
    logits, numbers = effects.of(makes), dict[tuple[str, tuple[str, ...]], int]()
    rows = np.flatnonzero(logits)
    pairs = [(makes.models[row], tuple(n for n in makes.loras[row] if n in effects.loras)) for row in rows.tolist()]
    make = np.array([numbers.setdefault(pair, len(numbers)) for pair in pairs], dtype=np.int64)
    of_makes = np.zeros(len(numbers))
    of_makes[make] = logits[rows]
    return PlaceEffects(np.array(ids, np.int64)[rows], make, of_makes, [_words(*pair, effects) for pair in numbers])


def _words(model: str, loras: Sequence[str], effects: ModelEffects) -> str:
    """A make in words; it says if none of the model's prompts was drawn by others."""
    known = effects.models.get(model)
    others = ", though of other prompts," if known is not None and not known.shared else ""
    beside = f" with {', '.join(map(_short, loras[:2]))}" if loras else ""
    return f"pictures by {_short(model)}{beside}{others}"


def _short(name: str) -> str:
    """A name as a page shows it: of a path its end, and of a long one its beginning."""
    plain = printable(re.split(r"[\\/]", name.rstrip("\\/"))[-1] or name)
    return plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 1]}…"
