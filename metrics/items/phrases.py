"""Plain words for items, so that an explanation needs no knowledge of items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: Scales of SOART items, from the full size down.
SCALES = {"s0": "finest", "s1": "fine", "s2": "coarse", "s3": "coarsest"}
#: Channels of SOART items.
CHANNELS = {"luma": "light–dark", "redgreen": "red–green", "blueyellow": "blue–yellow"}
#: Directions of the parts of SOART items; the bends are angular.
DIRECTIONS = {"line-h": "horizontal", "line-v": "vertical", "line-d": "diagonal", "line-u": "diagonal"}
#: More and less of prior scores.
_PRIORS = {
    "technical": ("technically better", "technically worse"),
    "appeal": ("people like it more", "people like it less"),
    "nima": ("photographers would rate it higher", "photographers would rate it lower"),
    "others": ("more to others' liking", "less to others' liking"),
}
#: More and less of the level and the spread of colour items.
_COLOUR_PHRASES = {
    ("luma", "level"): ("lighter", "darker"),
    ("luma", "spread"): ("more contrast between light and dark", "less contrast between light and dark"),
    ("redgreen", "level"): ("colours redder", "colours greener"),
    ("redgreen", "spread"): ("more variety between red and green", "less variety between red and green"),
    ("blueyellow", "level"): ("colours yellower", "colours bluer"),
    ("blueyellow", "spread"): ("more variety between blue and yellow", "less variety between blue and yellow"),
    ("chroma", "level"): ("colours more saturated", "colours less saturated"),
    ("chroma", "spread"): ("saturation more uneven", "saturation more even"),
}

#: More and less of quality items by the start of their names after ``quality/``, the first that fits.
_QUALITY = {
    "texture/s0": ("the finest rendering rougher", "the finest rendering smoother"),
    "texture/s1": ("the fine rendering rougher", "the fine rendering smoother"),
    "texture/s2": ("the coarse rendering rougher", "the coarse rendering smoother"),
    "detail": ("more detail all over", "more plain areas"),
    "luma/deviation": _COLOUR_PHRASES["luma", "spread"],
    "luma/dark": ("more pure black", "less pure black"),
    "luma/light": ("more pure white", "less pure white"),
    "luma": _COLOUR_PHRASES["luma", "level"],
    "chroma/clipped": ("more colours at their limit", "fewer colours at their limit"),
    "chroma": _COLOUR_PHRASES["chroma", "level"],
    "pixel/noise": ("more grain in plain areas", "less grain in plain areas"),
    "pixel/grid": ("more traces of a grid", "fewer traces of a grid"),
    "pixel/levels": ("more levels of colour", "fewer levels of colour"),
    "pixel/equal": ("more flat areas", "fewer flat areas"),
    "pixel/comb": ("more traces of JPEG", "fewer traces of JPEG"),
    "side": ("larger pictures", "smaller pictures"),
}


@dataclass(frozen=True, slots=True)
class ItemPhrase:
    """Words for more and for less of a group of items, which is one property of a picture."""

    more: str
    less: str


def _soart_phrase(name: str) -> ItemPhrase:
    fields = name.split("/")
    if len(fields) < 5:
        return ItemPhrase(f"more of {name}", f"less of {name}")
    representation, channel, scale, part = fields[:4]
    size = SCALES.get(scale, scale)
    superlative = size.endswith("est")
    size = f"the {size}" if superlative else size
    amount = f"of {size}" if superlative else size
    if channel != "luma":
        pattern = f"{amount} {CHANNELS[channel]} {'contrast' if representation == 'raw' else 'pattern'}"
        return ItemPhrase(f"more {pattern}", f"less {pattern}")
    if representation == "raw":
        detail = f"{amount} {DIRECTIONS.get(part, 'angular')} detail"
        return ItemPhrase(f"more {detail}", f"less {detail}")
    return ItemPhrase(f"{size} texture rougher", f"{size} texture smoother")


def _colour_phrase(name: str) -> ItemPhrase:
    _, plane, statistic = name.split("/")
    if plane == "hue":
        return ItemPhrase(f"more {statistic}", f"less {statistic}")
    kind = "spread" if statistic == "deviation" else "level"
    return ItemPhrase(*_COLOUR_PHRASES[plane, kind])


def _phrase_of(name: str) -> ItemPhrase:
    kind = name.split("/", 1)[0]
    if kind == "colour":
        return _colour_phrase(name)
    if kind == "quality":
        rest = name.removeprefix("quality/")
        return next(ItemPhrase(*words) for start, words in _QUALITY.items() if rest.startswith(start))
    if kind == "deep":
        content = "content, as a network sees it,"
        return ItemPhrase(f"{content} more to your taste", f"{content} less to your taste")
    return _soart_phrase(name)


def phrases_of(names: Sequence[str], priors: Sequence[str] = ()) -> list[ItemPhrase]:
    """The phrase of every item, then of every prior score, by name; items of one group have equal phrases."""
    told = [_PRIORS.get(name, (f"rated higher ({name})", f"rated lower ({name})")) for name in priors]
    return [*map(_phrase_of, names), *(ItemPhrase(*words) for words in told)]
