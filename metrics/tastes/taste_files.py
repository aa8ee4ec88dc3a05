"""Tastes on disk; see ``array_files`` for the form of the file.

A file holds the items of the learning pictures (not the pictures), how they were made as far as it is known, their
judgements, and the results of learning. Reading fits the method again and checks that the learning pictures get the
stored likings.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from ...errors import TasteError, first_line
from ..checks import is_weight
from ..damage.names import FAULTS_VERSION, TASTE, TECHNICAL
from ..damage.titles import JudgeKey, Kind
from ..goals import Unit
from ..items.frame import Frame
from ..items.nima import NIMA
from ..items.nima import VERSION as NIMA_VERSION
from ..protocols import Making
from .appeal import APPEAL
from .appeal import VERSION as APPEAL_VERSION
from .array_files import header_text, read_arrays, read_facts, write_arrays
from .blend import Blend, NamedJudge, StoredGoal, Taste, least_trusted, method_of, parts_of
from .examples import Examples
from .fitting import Scaling, fit
from .mixture import METHOD
from .taste import MOST_PICTURES, LearntTaste, OtherTaste, is_given, mode_model
from .trust import CHANCE, STRONG, TOO_FEW, UNPROVEN, USABLE, Trust
from .within_groups import WithinGroups

_ARRAYS = (
    "items",
    "liking",
    "weights",
    "priors",
    "centre",
    "scale",
    "prior_centre",
    "prior_scale",
    "reference",
    "fitted",
)


#: Fits that a file may need, each as of this many pictures at most, and those that a smaller one counts as: with
#: ``MOST_PICTURES`` a fit takes about 2.5 GB and half a minute.
MOST_FITS, LEAST_EFFORT = 4, 500
#: Most words of all pictures, times pictures; and most kinds of pictures that a person names.
MOST_WORDS, MOST_MODES = 100_000_000, 100
#: Of these, what a taste without one of the prior scores has of its own; and where its arrays and those of other tastes begin.
_OWN = ("priors", "prior_centre", "prior_scale", "reference", "fitted")
_ALONE, _TASTE = "alone/", "taste/"


def _taste_contents(taste: LearntTaste) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and arrays of one taste."""
    examples, scaling = taste.examples, taste.fitted.scaling
    header = {
        "name": taste.name, "names": taste.names, "version": taste.version, "prior_names": taste.prior_names,
        "network": taste.network, "created": taste.created, "method": taste.method,
        "calibration": taste.calibration,
        "trust": _trust_values(taste.trust), "modes": examples.modes.tolist(),
        "groups": examples.groups.tolist(), "pictures": examples.pictures.tolist(),
    }  # fmt: skip
    values = (
        examples.items, examples.liking, examples.weights, examples.priors, scaling.frame.centre, scaling.frame.scale,
        scaling.prior_centre, scaling.prior_scale, taste.reference, taste.fitted(examples.items, examples.priors, examples.makings),
    )  # fmt: skip
    arrays = {name: np.ascontiguousarray(v, dtype="<f8") for name, v in zip(_ARRAYS, values, strict=True)}
    if taste.rater:
        header["rater"] = taste.rater
    header |= _versions_of_priors(taste.prior_names)
    if examples.prior_beliefs:
        header["prior_beliefs"] = examples.prior_beliefs
    if scaling.of_models:
        header["of_models"] = scaling.of_models
    if examples.files.any():
        header["files"] = examples.files.tolist()
    if any(making is not None for making in examples.makings):
        header["makings"] = [None if making is None else _making_values(making) for making in examples.makings]
    if (examples.levels >= 0).any():
        arrays["levels"] = np.ascontiguousarray(examples.levels, dtype="<f8")
    if examples.choices.any():
        arrays["choices"] = np.ascontiguousarray(examples.choices, dtype="<f8")
    if taste.alone is not None:
        # The pictures, their judgements, the scaling of their items and other tastes are those of the taste itself.
        header["alone"], inner = _taste_contents(replace(taste.alone, tastes=()))
        arrays |= {
            f"{_ALONE}{name}": values for name, values in inner.items() if name in _OWN or name.startswith(_ALONE)
        }
    if taste.tastes:
        contents = [_contents(other) for other in taste.tastes]
        header["tastes"] = [of_taste for of_taste, _ in contents]
        for number, (_, inner) in enumerate(contents):
            arrays |= {f"{_TASTE}{number}/{name}": values for name, values in inner.items()}
    return header, arrays


def _making_values(making: Making) -> dict[str, Any]:
    """The making of a picture as plain JSON values, without what is unknown."""
    values = {name: _plain(value) for name, value in asdict(making).items()}
    return {name: value for name, value in values.items() if value is not None and value != ""}


def _read_making(values: Mapping[str, Any] | None) -> Making | None:
    """The making of a picture, of plain JSON values."""
    if values is None:
        return None
    read: dict[str, Any] = {
        name: str(values[name]) for name in ("model", "sampler", "scheduler", "seed") if name in values
    }
    read |= {name: float(values[name]) for name in ("steps", "guidance", "width", "height") if name in values}
    read |= {name: tuple(map(str, values[name])) for name in ("words", "negative") if name in values}
    if "loras" in values:
        read["loras"] = tuple((str(name), float(weight)) for name, weight in values["loras"])
    return Making(**read)


def _trust_values(trust: Trust) -> dict[str, Any]:
    """A trust report as plain JSON values, without choices and trust within groups if there are none."""
    values = {k: _plain(v) for k, v in asdict(trust).items() if k != "within" and (k != "choices" or v)}
    if trust.within is not None:
        values["within"] = {k: _plain(v) for k, v in asdict(trust.within).items()}
    return values


def _read_trust(values: Mapping[str, Any]) -> Trust:
    """The trust report of plain JSON values."""

    def known(part: Mapping[str, Any]) -> dict[str, Any]:
        return {key: float("nan") if value is None else value for key, value in part.items()}

    within = WithinGroups(**known(values["within"])) if "within" in values else None
    curve = tuple(tuple(point) for point in values["curve"])
    # Tastes of earlier versions have the result of a test.
    stored = {key: value for key, value in known(values).items() if key != "p_value"}
    return Trust(**{**stored, "curve": curve, "within": within})


def _plain(value: object) -> object:
    """The value, with None for NaN and infinity, which plain JSON cannot hold."""
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _contents(taste: OtherTaste | StoredGoal, *, dated: bool = True) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and arrays of a taste or blend; without the times of learning if not ``dated``."""
    parts, weights = parts_of(taste), taste.weights if isinstance(taste, Blend | StoredGoal) else (1.0,)
    headers, arrays = [], {}
    for number, part in enumerate(parts):
        header, part_arrays = _taste_contents(part if dated else replace(part, created=""))
        headers.append(header)
        arrays.update({f"{number}/{name}": values for name, values in part_arrays.items()})
    named = {"judges": taste.judges, "units": taste.units} if isinstance(taste, StoredGoal) else {}
    return {"name": taste.name, "weights": weights, "parts": headers, **named}, arrays


def same_taste(first: Taste, second: Taste) -> bool:
    """True if two tastes differ in nothing but the time of learning and the rounding of arrays."""
    (header, arrays), (second_header, second_arrays) = (_contents(taste, dated=False) for taste in (first, second))
    # Levels and choices are arrays that not every taste has.
    if arrays.keys() != second_arrays.keys() or header_text(header) != header_text(second_header):
        return False
    return all(
        array.shape == second_arrays[name].shape and np.allclose(array, second_arrays[name], equal_nan=True)
        for name, array in arrays.items()
    )


def content_hash(taste: Taste | StoredGoal) -> str:
    """A hash of what was learnt, 12 hexadecimal digits; two tastes of one hash give the same values."""
    header, arrays = _contents(taste)
    # Pictures may be moved or shared under other names.
    header = _with_files(header, lambda file: "")
    digest = hashlib.sha256(header_text(header).encode())
    for name in sorted(arrays):
        digest.update(name.encode() + arrays[name].tobytes())
    return digest.hexdigest()[:12]


def _with_files(header: Mapping[str, Any], renamed: Callable[[str], str]) -> dict[str, Any]:
    """A header with other files of its learning pictures, without any if they are all empty."""
    changed: dict[str, Any] = {}
    for key, value in header.items():
        if key == "files":
            files = [renamed(file) for file in value]
            changed |= {key: files} if any(files) else {}
        elif key in ("parts", "tastes"):
            changed[key] = [_with_files(inner, renamed) for inner in value]
        else:
            changed[key] = _with_files(value, renamed) if key == "alone" else value
    return changed


def save_taste(taste: Taste | StoredGoal, path: Path, *, to_share: bool = False) -> Path:
    """Write a taste or a blend, whole or not at all, readable by the user alone; ``to_share`` leaves out folders of pictures."""
    header, arrays = _contents(taste)
    if to_share:
        header = _with_files(header, lambda file: PurePath(file).name)
    return write_arrays(path, header, arrays)


def load_taste(path: Path) -> Taste:
    """Read a taste or a blend of tastes; a ``TasteError`` if it is of another format, changed or damaged."""
    stored = load_stored(path)
    if isinstance(stored, StoredGoal):
        raise TasteError(f"{stored.name!r} is a blend with judges that are not tastes: name it with --by.")
    return stored


def load_stored(path: Path) -> Taste | StoredGoal:
    """Read a taste or any blend, see ``load_taste``."""
    header, arrays = read_arrays(path)
    with _incomplete(path):
        _check_effort(header)
        return (_goal_of if "judges" in header else _taste_of)(header, arrays, str(path))


def read_trust(path: Path) -> tuple[str, str]:
    """The word of trust in a taste or blend, and its method, from the header alone; errors as for ``load_taste``."""
    header = read_facts(path)
    with _incomplete(path):
        parts, weights = header["parts"], [float(weight) for weight in header["weights"]]
        names = [*(str(part["name"]) for part in parts), *(str(text) for text, _ in header.get("judges", ()))]
        word = str(least_trusted([_read_trust(part["trust"]) for part in parts]).word) if parts else "–"
        return word, str(parts[0]["method"]) if len(names) == 1 else method_of(weights, names)


@contextmanager
def _incomplete(path: Path) -> Iterator[None]:
    """Turn whatever a header or arrays of other kinds than expected lead to into one sentence."""
    try:
        yield
    except TasteError:
        raise
    except Exception as error:
        raise TasteError(f"The taste {str(path)!r} is incomplete: {first_line(error)}.") from error


def _check_effort(header: Mapping[str, Any]) -> None:
    """Refuse a file whose tastes would take too long, or too much memory, to be fitted again."""
    effort = 0
    for own in _headers(header):
        pictures, makings = len(own["pictures"]), own.get("makings", [])
        words = {
            word for making in makings if making for name in ("words", "negative") for word in making.get(name, [])
        }
        effort += max(pictures, LEAST_EFFORT) ** 2
        if pictures > MOST_PICTURES or effort > MOST_FITS * MOST_PICTURES**2:
            raise ValueError(f"it has more than {MOST_PICTURES} pictures, or too many tastes: learn it from fewer")
        if len(words) * pictures > MOST_WORDS or len({*map(str, own["modes"])}) > MOST_MODES:
            raise ValueError("its pictures have too many words or kinds: learn it from fewer")


def _headers(header: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The headers of all tastes that a header of a file holds."""
    waiting = [*header["parts"]]
    while waiting:
        own = waiting.pop()
        yield own
        waiting += [one for other in own.get("tastes", ()) for one in other["parts"]]
        waiting += [own["alone"]] if "alone" in own else []


def _taste_of(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray], path: str) -> Taste:
    """A taste or a blend from its header and arrays; a ``ValueError`` or ``TasteError`` if they do not fit together."""
    parts, weights = _parts_in(header, arrays, path)
    if len(parts) == 1:
        return parts[0]
    if not parts or len(weights) != len(parts) or not all(map(is_weight, weights)):
        raise ValueError("expected a weight of each of its tastes")
    return Blend(str(header["name"]), parts, weights)


def _goal_of(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray], path: str) -> StoredGoal:
    """A blend with judges that are not tastes; errors as for ``_taste_of``."""
    parts, weights = _parts_in(header, arrays, path)
    judges = tuple(NamedJudge(str(text), str(version)) for text, version in header["judges"])
    units = tuple(Unit(float(middle), float(step)) for middle, step in header["units"])
    sound = all(is_weight(w) and w > 0 for w in weights) and all(np.isfinite(u).all() and u.step > 0 for u in units)
    names = {*(part.name for part in parts), *(judge.text for judge in judges)}
    if not sound or not 1 < len(names) == len(parts) + len(judges) == len(weights) == len(units) <= MOST_MODES:
        raise ValueError("expected a weight and a unit of each of its judges")
    return StoredGoal(str(header["name"]), parts, judges, weights, units)


def _parts_in(
    header: Mapping[str, Any], arrays: Mapping[str, np.ndarray], path: str
) -> tuple[tuple[LearntTaste, ...], tuple[float, ...]]:
    """The tastes of a header, and its weights."""
    headers = enumerate(header["parts"])
    parts = tuple(_restore(own, _arrays_of(arrays, f"{number}/"), path) for number, own in headers)
    return parts, tuple(float(w) for w in header["weights"])


def _arrays_of(arrays: Mapping[str, np.ndarray], start: str) -> dict[str, np.ndarray]:
    """The arrays whose names begin with ``start``, without it."""
    return {name.removeprefix(start): values for name, values in arrays.items() if name.startswith(start)}


def _versions_of_priors(prior_names: Sequence[str]) -> dict[str, str]:
    """Versions by name of the prior scores that items tell."""
    versions = {APPEAL: APPEAL_VERSION, NIMA: NIMA_VERSION, TECHNICAL: f"{TECHNICAL}-{FAULTS_VERSION}"}
    return {name: version for name, version in versions.items() if name in prior_names}


def _restore(
    header: dict[str, Any], arrays: dict[str, np.ndarray], path: str, tastes: tuple[OtherTaste, ...] = ()
) -> LearntTaste:
    """One taste from its header and arrays, fitted again and checked; with these other tastes, or else its own."""
    names = tuple(str(n) for n in header["names"])
    if not names or arrays["items"].shape != (len(header["pictures"]), len(names)):
        raise ValueError("expected the items of its pictures")
    labels = {key: np.array([str(v) for v in header[key]], dtype=np.str_) for key in ("modes", "groups", "pictures")}
    makings = np.full(len(labels["pictures"]), None)
    makings[:] = [_read_making(one) for one in header.get("makings", makings)]
    examples = Examples(
        arrays["items"], arrays["liking"], labels["modes"], labels["groups"], labels["pictures"], arrays["weights"],
        arrays["priors"], tuple(str(n) for n in header["prior_names"]),
        tuple(None if one is None else tuple(map(float, one)) for one in header.get("prior_beliefs", ())),
        levels=arrays.get("levels", np.zeros(0)).astype(np.int64),
        choices=arrays.get("choices", np.zeros(0)).astype(np.int64), makings=makings,
        files=np.array([str(file) for file in header.get("files", ())], dtype=np.str_),
    )  # fmt: skip
    frame = replace(Frame.of(np.zeros((1, len(names))), names), centre=arrays["centre"], scale=arrays["scale"])
    of_models = {int(k): {str(m): float(v) for m, v in of.items()} for k, of in header.get("of_models", {}).items()}
    scaling = Scaling(frame, arrays["prior_centre"], arrays["prior_scale"], of_models)
    method = str(header["method"])
    trust = _read_trust(header["trust"])
    if method != METHOD or trust.word not in (TOO_FEW, CHANCE, UNPROVEN, USABLE, STRONG):
        raise TasteError(
            f"The taste {path!r} was learnt by the method {method!r}, which this version of soart does not have: learn "
            "it again."
        )
    for name, current in _versions_of_priors(examples.prior_names).items():
        if header.get(name) != current:
            raise TasteError(
                f"The taste {path!r} was learnt with {header.get(name, f'an earlier version of {name}')}, this version of "
                f"soart has {current}: learn it again."
            )
    fitted = fit(examples, names, scaling)
    if not np.allclose(fitted(examples.items, examples.priors, examples.makings), arrays["fitted"], atol=1e-5):
        raise TasteError(f"The taste {path!r} gives other likings here than when it was learnt: learn it again.")
    tastes = tastes or tuple(
        _taste_of(of_taste, _arrays_of(arrays, f"{_TASTE}{number}/"), path)
        for number, of_taste in enumerate(header.get("tastes", ()))
    )
    if [f"{TASTE}{taste.name}" for taste in tastes] != [
        n for n in examples.prior_names if JudgeKey.of(n).kind is Kind.TASTE
    ]:
        raise ValueError("expected each taste among its prior scores")
    alone = None
    if "alone" in header:
        others = {name: values for name, values in arrays.items() if not name.startswith(_ALONE)}
        alone = _restore(header["alone"], others | _arrays_of(arrays, _ALONE), path, tastes)
        left_out = set(examples.prior_names) - set(alone.prior_names)
        if len(left_out) != 1 or not all(map(is_given, left_out)):
            raise ValueError("expected a taste without one of its prior scores")
    slope, offset = header["calibration"]
    return LearntTaste(
        str(header["name"]), names, str(header["version"]), examples, fitted, tuple(header["prior_names"]),
        trust, (float(slope), float(offset)), arrays["reference"], header["network"], str(header["created"]),
        mode_model(examples, fitted), str(header.get("rater", "")), alone, tastes,
    )  # fmt: skip


def check_version(taste: Taste, names: tuple[str, ...], version: str) -> None:
    """Refuse a taste that was not learnt on the items of an extractor with these names and this version."""
    if taste.version != version or taste.names != names:
        raise TasteError(
            f"The taste {taste.name!r} was learnt on items {taste.version}, this version of soart measures {version}: "
            "learn it again from its pictures."
        )
