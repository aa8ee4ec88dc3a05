"""Checks for people who write judges: ``from soart.testing import check_judge``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from .errors import JudgeError
from .metrics.protocols import Judge, Values
from .pipelines.judges.catalogue import checked
from .pipelines.scoring.pictures import PicturesInMemory

#: Largest share of the scale, or of the value, by which a value may differ from that of the same picture elsewhere.
_ALIKE = 1e-4


def check_judge(
    judge: Judge,
    pictures: Mapping[int, np.ndarray] | None = None,
    prompts: Mapping[int, str] = MappingProxyType({}),
) -> None:
    """Check that a judge keeps what docs/judges.md promises of every judge.

    Its parts are there and have the right types; it gives every picture one value within its scale, or NaN; a value depends
    on the picture alone, not on those beside it, nor on their order; asked twice it says the same; it changes no picture;
    a black and a tiny picture are no error; its reasons, if it gives any, are one list for each picture.

    Args:
        judge: an object, not its class.
        pictures: (h, w, 3) uint8 by number, at least two; by default drawn ones.
        prompts: by number; by default one for all.

    Raises:
        JudgeError: the first promise that it does not keep.

    Examples:
        >>> import numpy as np
        >>> import soart
        >>> from soart.testing import check_judge
        >>> class Brightness:
        ...     name, version = "brightness", "1"
        ...     scale, needs = (0.0, 1.0, "share of white"), ("pixels",)
        ...
        ...     def values(self, pictures):
        ...         return [float(pixels.mean()) / 255 for pixels in pictures.pixels()]
        >>> check_judge(Brightness())
        >>> class AgainstOthers(Brightness):
        ...     def values(self, pictures):
        ...         values = np.array(super().values(pictures))
        ...         return values - values.min()
        >>> check_judge(AgainstOthers())
        Traceback (most recent call last):
        ...
        soart.errors.JudgeError: The judge 'brightness' gives a picture another value when others are beside it.
    """
    checked(judge, type(judge).__name__)
    pixels = dict(pictures) if pictures is not None else _drawn()
    texts = dict(prompts) or dict.fromkeys(pixels, "a red boat")
    if len(pixels) < 2:
        raise JudgeError(f"Expected at least two pictures to check a judge with, got {len(pixels)}.")
    before = {number: picture.copy() for number, picture in pixels.items()}
    ids = [*pixels]
    together = _values(judge, pixels, texts, ids)
    if not np.isfinite(together).any():
        raise _broken(judge, "gives none of the pictures a value")
    low, high = float(judge.scale[0]), float(judge.scale[1])
    known = together[np.isfinite(together)]
    if (known < low - 1e-5).any() or (known > high + 1e-5).any():
        raise _broken(
            judge, f"gives values outside its scale {low:g} … {high:g}, such as {known.min():g} or {known.max():g}"
        )
    slack = _ALIKE * (high - low if np.isfinite(high - low) else 1 + float(np.abs(known).max()))
    alone = np.concatenate([_values(judge, pixels, texts, [number]) for number in ids])
    for other, when in (
        (alone, "when others are beside it"),
        (_values(judge, pixels, texts, ids[::-1])[::-1], "in another order"),
        (_values(judge, pixels, texts, ids), "when it is asked again"),
    ):
        if not np.allclose(together, other, rtol=0, atol=slack, equal_nan=True):
            raise _broken(judge, f"gives a picture another value {when}")
    if any((pixels[number] != before[number]).any() for number in ids):
        raise _broken(judge, "changes the pictures")
    for name, odd in (("a black picture", np.zeros((64, 64, 3), np.uint8)), ("a tiny picture", _drawn(1, 8)[0])):
        try:
            _values(judge, {0: odd}, {0: texts[ids[0]]}, [0])
        except Exception as error:
            raise _broken(judge, f"fails on {name} ({type(error).__name__}: {error})") from error
    reasons_in: Any = getattr(judge, "reasons", None)
    if reasons_in is not None and len(reasons_in(PicturesInMemory(pixels, texts), None)) != len(ids):
        raise _broken(judge, "does not give one list of reasons for each picture")


def _values(judge: Judge, pixels: Mapping[int, np.ndarray], texts: Mapping[int, str], ids: Sequence[int]) -> np.ndarray:
    answer = judge.values(PicturesInMemory({number: pixels[number] for number in ids}, texts))
    values = np.asarray(answer.values if isinstance(answer, Values) else answer, dtype=np.float64)
    if values.shape != (len(ids),):
        raise _broken(judge, f"returns values of shape {values.shape} for {len(ids)} pictures")
    if np.isinf(values).any():
        raise _broken(judge, "returns infinity, where NaN says that it cannot tell")
    return values


def _drawn(count: int = 4, side: int = 96) -> dict[int, np.ndarray]:
    """Pictures of coloured squares with some noise."""
    rng = np.random.default_rng(0)
    squares = rng.integers(0, 255, (count, 4, 4, 3))
    pictures = np.repeat(np.repeat(squares, side // 4, axis=1), side // 4, axis=2)
    noisy = np.clip(pictures + rng.normal(0, 8, pictures.shape), 0, 255).astype(np.uint8)
    return dict(enumerate(noisy))


def _broken(judge: Judge, what: str) -> JudgeError:
    return JudgeError(f"The judge {judge.name!r} {what}.")
