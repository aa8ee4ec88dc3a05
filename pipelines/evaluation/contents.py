"""Parts of a collection that a person would name: by model, LoRA, subject, faces, style, colours, size.

Each has the words by which ``soart find`` and the gallery find it. Subjects and styles are words of prompts or, without one, of
folders and files; colours are those that a search tells from pictures. What cannot be named is no part.
"""

from __future__ import annotations

import re
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from scipy.special import logit

from ...metrics.items.colour import ColourExtractor
from ...metrics.items.faces import VERSION as FACES_VERSION
from ...metrics.items.frame import columns_of
from ...metrics.items.nouns import noun_classes
from ...prompts.phrases.cutting import LINKS, singular, vocabulary_lexicon
from ..collection.collection import Collection
from ..collection.makes import names_of_loras
from ..collection.queries import common_folder
from ..collection.score_statistics import made_of_scan
from ..ingest.metadata import prompt_words
from ..judges.colours import TERMS, Colours, ColourSource
from ..judges.face_source import PEOPLE
from ..judges.searching import SURE
from ..support.batching import batches
from .associations import NAME, WORDS, searched
from .correlates import words_of_name

#: Kinds of parts: the pictures of one prompt or, without a prompt, of one folder.
PROMPT, FOLDER = "prompt", "folder"
#: Most parts of a kind, pictures that stand for a part, and fewest pictures of a part.
MOST, SHOWN, FEWEST = (
    {"model": 12, "LoRA": 12, NAME: 12, "subject": 12, "size": 3, "look": 8, PROMPT: 60, FOLDER: 60},
    6,
    2,
)
#: Smallest and largest share of the pictures that look alike: what nearly all have tells them apart from nothing.
_LEAST, _LARGEST = 0.02, 0.7
#: Words by term of colour and light; the other terms are true of too many pictures.
COLOURS = {term: term for term in ("black and white", "sepia", "dark", "bright")} | {
    term: f"{term} tones" for term in ("pastel", "red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink")
}
_STYLES = frozenset(word for word, kind in vocabulary_lexicon().items() if kind == "style") | {
    "anime", "manga", "cartoon", "photo", "photograph", "photorealistic", "realistic", "oil painting", "sketch", "illustration", "line art",
    "cyberpunk", "steampunk", "fantasy", "sci-fi", "psychedelic", "abstract", "surreal", "cubist",
}  # fmt: skip

#: Nouns that prompts often have, beside those that pictures can be searched for.
_NOUNS = (
    "alien android angel armor astronaut baby beach bedroom child city cityscape clouds cyborg demon desert dragon dress elf fairy fantasy forest galaxy "
    "garden ghost goddess hands hero interior jungle king kitchen knight landscape mermaid monster moon night ninja ocean octopus palace park "
    "pirate planet portrait princess queen rain river robot room samurai sea skull sky skyline snow soldier space spaceship statue storm "
    "street sunrise sunset temple tower unicorn universe village vampire warrior waterfall winter witch wizard zombie"
)

#: Searches by the names of parts that faces make.
_FACES = {"one face": "faces:1", "several faces": "faces:2+"}


@dataclass(frozen=True, slots=True)
class Part:
    """Pictures that have something in common."""

    kind: str  # one of ``MOST``
    name: str
    words: str  # by which a search finds them; empty for a size
    pictures: int
    score: float  # mean main score; NaN without one
    best: tuple[int, ...]  # ids of some of the best
    faulty: int = 0  # pictures suspected of damage, or that cannot be judged


def colours_of(items: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """(n, t) bool: True where pictures with named items (n, p) surely have the colours of a term of ``COLOURS``."""
    columns, curves = columns_of("Colours", ColourExtractor().names, names), ColourSource.load().curves
    colours = Colours.of(items[:, columns])
    odds = [curves[term].log_odds(TERMS[term](colours))[0] for term in COLOURS]
    return np.stack(odds, axis=1) >= logit(SURE)


def face_counts(collection: Collection, ids: np.ndarray) -> np.ndarray:
    """(n,) number of faces found in pictures; −1 where nobody looked."""
    counts = np.full(len(ids), -1)
    for rows in batches(range(len(ids)), 1000):
        found = collection.items(FACES_VERSION, ids[rows].tolist())
        counts[rows] = [found[image][0] if image in found else -1 for image in ids[rows].tolist()]
    return counts


@cache
def _known() -> frozenset[str]:
    """Nouns in the singular that name subjects."""
    return frozenset([*noun_classes(), *PEOPLE, *_NOUNS.split()])


@lru_cache(maxsize=64)
def _named(text: str, prompted: bool) -> list[tuple[str, str]]:
    """Kinds and names of the parts that a prompt or the name of a folder puts a picture in."""
    lexicon, known, found = vocabulary_lexicon(), _known(), dict[tuple[str, str], None]()
    for word in prompt_words(text if prompted else re.sub(r"[\W\d_]+", " ", text)):
        named = next((one for one in (word, singular(word)) if one in known), "")
        if word in _STYLES:
            found["look", word] = None
        elif named:
            found["subject", named] = None
        elif not prompted and word not in lexicon and word not in LINKS and " " not in word and len(word) > 3:
            found["word", word] = None
    return [*found]


def find_parts(
    collection: Collection,
    scan_number: int,
    ids: np.ndarray,
    scores: np.ndarray,
    colours: np.ndarray,
    faces: np.ndarray,
    faulty: np.ndarray,
) -> tuple[Part, ...]:
    """The parts of the pictures (n,) of a scan.

    Known are their main scores (n,), colours (n, t) of ``COLOURS``, number of faces (n,), and which are faulty (n,).
    """
    place = {image: row for row, image in enumerate(ids.tolist())}
    rows = defaultdict[tuple[str, str], "array[int]"](lambda: array("q"))
    root = common_folder(collection)
    for image, path, width, height, prompt, model, settings in made_of_scan(collection, scan_number):
        if (row := place.get(image)) is None:
            continue
        made = [("size", f"{width} × {height}"), *([("model", model)] if model else [])]
        made += [("LoRA", name) for name in names_of_loras(prompt or "", settings or "")]
        folder = str(Path(path.removeprefix(root)).parent)
        made += [(PROMPT, prompt) if prompt else (FOLDER, folder), *_named(prompt or folder, bool(prompt))]
        for word in () if prompt else words_of_name(path):
            made += _named(word, True) or [(NAME, word)]
        for key in dict.fromkeys(made):
            rows[key].append(row)
        if len(rows) > 4 * WORDS:
            for key in [key for key, of in rows.items() if len(of) == 1]:
                del rows[key]
    for number, words in enumerate(COLOURS.values()):
        rows["look", words] = array("q", np.flatnonzero(colours[:, number]).tolist())
    for name, those in zip(_FACES, (faces == 1, faces > 1), strict=True):
        rows["look", name] = array("q", np.flatnonzero(those).tolist())
    members = {key: np.unique(np.array(of, dtype=np.int64)) for key, of in rows.items()}
    return tuple(_chosen(members, ids, scores, faulty))


def _chosen(
    rows: dict[tuple[str, str], np.ndarray], ids: np.ndarray, scores: np.ndarray, faulty: np.ndarray
) -> Iterator[Part]:
    """The largest parts of each kind; subjects that are known nouns before other words of folders."""
    total = len(ids)

    def those(kind: str, least: float = 1, most: float = total) -> list[tuple[str, np.ndarray]]:
        found = [(name, of) for (one, name), of in rows.items() if one == kind and least <= len(of) <= most]
        return sorted(found, key=lambda part: (-len(part[1]), part[0]))

    largest = {kind: those(kind) for kind in MOST}
    largest["subject"] = [part for kind in ("subject", "word") for part in those(kind, FEWEST, 0.95 * total)]
    largest[NAME] = those(NAME, max(FEWEST + 1, _LEAST * total), _LARGEST * total)
    # What all pictures have in common tells none apart.
    largest |= {kind: those(kind, FEWEST, total - 1) for kind in (PROMPT, FOLDER)}
    largest["look"] = those("look", max(FEWEST + 1, _LEAST * total), _LARGEST * total)
    for kind, most in MOST.items():
        # Words of one prompt are the same pictures.
        apart = {of.tobytes(): name for name, of in reversed(largest[kind])} if kind == "subject" else None
        told = [(name, of) for name, of in largest[kind] if apart is None or apart[of.tobytes()] == name]
        for name, of in told[:most]:
            fit = of[np.isfinite(scores[of])]
            best = fit[np.argsort(-scores[fit], kind="stable")[:SHOWN]]
            mean = float(scores[fit].mean()) if len(fit) else float("nan")
            words = _FACES.get(name) or searched("word" if kind in ("subject", "look") else kind, name) * (
                kind != "size"
            )
            yield Part(kind, name, words, len(of), mean, tuple(ids[best].tolist()), int(faulty[of].sum()))
