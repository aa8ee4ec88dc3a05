"""A cache of items by the content of pictures, so that none is measured twice.

Works for any extractor. The cache is a mutable mapping from a hash of the picture's content (such as the SHA-256 of its
file) to its items: a ``dict``, or ``FolderCache`` on disk. Each extractor version needs a mapping of its own.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from itertools import zip_longest
from pathlib import Path

import numpy as np

from ...errors import CollectionError, ItemsError
from ...files import from_home, write_whole
from ..protocols import Extractor

#: Pictures measured together: at most so many, and about so many pixels in all.
BATCH, BATCH_PIXELS = 16, 16_000_000
_HASH = re.compile(r"[0-9A-Za-z_-]{1,128}")


class FolderCache(MutableMapping[str, np.ndarray]):
    """Items on disk: ``FOLDER/<hash of the version>/<hash of the picture>.npy``, each written whole or not at all.

    A damaged file counts as missing, so that its items are measured again.

    Args:
        folder: where the cache lies; made when something is stored.
        version: the extractor's version; extractors of other versions do not see its items.
    """

    def __init__(self, folder: Path | str, version: str) -> None:
        self.folder = from_home(folder) / hashlib.sha256(version.encode()).hexdigest()[:20]

    def _path(self, key: str) -> Path:
        if not isinstance(key, str) or not _HASH.fullmatch(key):
            raise ItemsError(f"Expected a hash of letters and digits as the key of cached items, got {key!r}.")
        return self.folder / f"{key}.npy"

    def __getitem__(self, key: str) -> np.ndarray:
        path = self._path(key)
        try:
            with path.open("rb") as stream:
                row: np.ndarray = np.lib.format.read_array(stream, allow_pickle=False)
        # A damaged file raises errors of nearly any kind.
        except Exception as error:
            raise KeyError(key) from error
        return row

    def __setitem__(self, key: str, row: np.ndarray) -> None:
        path = self._path(key)
        # Half the size where float32 is lossless: the items of networks are float32.
        compact = row.astype(np.float32)
        content = io.BytesIO()
        np.save(content, compact if np.array_equal(compact, row) else row, allow_pickle=False)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            # Not flushed to the disk: a damaged file counts as missing.
            write_whole(path, content.getvalue(), private=True, durable=False)
        except OSError as error:
            raise CollectionError(
                f"Items cannot be cached in {str(self.folder)!r}: {error.strerror or error} (is the disk full, or the "
                "folder read-only?)."
            ) from error

    def __delitem__(self, key: str) -> None:
        try:
            self._path(key).unlink()
        except OSError as error:
            raise KeyError(key) from error

    def __iter__(self) -> Iterator[str]:
        return (path.stem for path in sorted(self.folder.glob("*.npy")))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def extract_cached(
    extractor: Extractor,
    pictures: Iterable[np.ndarray | Callable[[], np.ndarray]],
    hashes: Iterable[str],
    cache: MutableMapping[str, np.ndarray],
) -> np.ndarray:
    """Items of pictures, of which only those whose hash is not in the cache are measured and added to it.

    Args:
        extractor: measures pictures.
        pictures: each (h, w, 3), uint8 or floating 0…1, of any sizes; or a function without arguments that returns one,
            called only when it must be measured.
        hashes: one for each picture; equal hashes mean equal content.
        cache: items by hash, of this extractor's version only. Rows of another length or not finite are replaced.

    Returns:
        (n, len(extractor.names)) float64, in the order of the pictures.

    Raises:
        ItemsError: the number of hashes is not that of the pictures.
        ImageError: a picture cannot be measured; those measured before it stay in the cache.
        CollectionError: the cache cannot be written.
    """
    width = len(extractor.names)
    rows: dict[str, np.ndarray] = {}
    waiting: dict[str, np.ndarray] = {}
    order = []
    for picture, key in zip_longest(pictures, hashes):
        if picture is None or key is None:
            raise ItemsError("Expected one hash for each picture, got more of one than of the other.")
        order.append(key)
        if key in rows or key in waiting:
            continue
        row = cache.get(key)
        if row is not None and row.shape == (width,) and row.dtype.kind == "f" and np.isfinite(row).all():
            rows[key] = row
            continue
        waiting[key] = np.asarray(picture() if callable(picture) else picture)
        if len(waiting) == BATCH or sum(p.size for p in waiting.values()) > 3 * BATCH_PIXELS:
            _measure(extractor, waiting, rows, cache)
    _measure(extractor, waiting, rows, cache)
    return np.stack([rows[key] for key in order]).astype(np.float64) if order else np.zeros((0, width))


def _measure(
    extractor: Extractor,
    waiting: dict[str, np.ndarray],
    rows: dict[str, np.ndarray],
    cache: MutableMapping[str, np.ndarray],
) -> None:
    """Measure ``waiting`` pictures into ``rows`` and the cache, those of one shape and type together; empties it."""
    kinds: dict[tuple[object, ...], list[str]] = {}
    for key, picture in waiting.items():
        kinds.setdefault((picture.shape, picture.dtype), []).append(key)
    for keys in kinds.values():
        measured = extractor.extract(np.stack([waiting.pop(key) for key in keys]))
        for key, row in zip(keys, measured, strict=True):
            rows[key] = cache[key] = row
