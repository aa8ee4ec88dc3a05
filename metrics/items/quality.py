"""Quality items: the rendering of a picture, whatever it shows and however large it is.

Three kinds, all the same for a picture that is mirrored or turned:

* *texture*: Y2 and Y3 of SOART parts (``parts``) on locally normalised luma, at three scales, as means over the cells
  of the picture that hold enough detail to judge.
* *detail* and *tone*: how detail is spread over the cells, contrast, colourfulness and clipping.
* *pixel*: traces that live in the pixels of the file, and which reducing would hide: noise, grids, lost levels and a
  poor JPEG (``jpeg``). They are measured in the middle of the picture as it is.

Texture, detail and tone are measured at the largest canonical size in ``RUNGS`` that the picture reaches, which is the
first item; never enlarged.

Sources: SOART items as in ``soart``; local normalisation after Mittal, Moorthy & Bovik, "No-reference image quality
assessment in the spatial domain", IEEE TIP 21 (2012), as in the choice of cells; noise after Immerkær, "Fast noise
variance estimation", CVIU 64 (1996).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from .jpeg import comb_of
from .parts import LAGS, PARTS, items_of, statistics_of

if TYPE_CHECKING:
    import torch

    from .views import PictureViews, Pyramid

VERSION = "quality-3"
#: Canonical sizes in pixels of the longest side.
RUNGS = (512, 256, 128, 64)
#: Cells along the longest side, and their smallest side in pixels.
CELLS, SMALLEST_CELL = 8, 32
SCALES = 3
#: Cells hold enough detail if their gradient is at least this share of the strongest.
DETAIL = 0.5
#: Longest side that tone is measured at, in pixels.
TONE_SIDE = 256
#: Side of the square in the middle that pixel items are measured in, and of its cells.
WINDOW, NOISE_CELL = 512, 32
#: Floor added to the strength of a JPEG's comb before the logarithm.
FAINTEST = 0.02
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_QUANTILES = (10, 25, 50, 75, 90)
_TONES = ("q01", "q05", "q25", "q50", "q75", "q95", "q99", "deviation", "dark", "light")
_CHROMAS = ("mean", "q50", "q95", "q99", "clipped")
_PIXELS = ("noise/fine/q10", "noise/fine/q50", "noise/coarse/q10", "noise/coarse/q50", "noise/colour/q10",
           "noise/colour/q50", "grid/eight", "grid/any", "grid/step", "levels", "equal", "comb")  # fmt: skip


def rung_of(longest: int) -> int:
    """The canonical size of a picture by its longest side; a picture below all of them keeps its size."""
    return next((rung for rung in RUNGS if rung <= longest), longest)


def _names() -> tuple[str, ...]:
    texture = [
        "/".join(("quality/texture", *n)) for n in product([f"s{k}" for k in range(SCALES)], PARTS, ("Y2", "Y3"))
    ]
    detail = [f"quality/detail/s{k}/q{q}" for k in (0, 1) for q in _QUANTILES]
    tone = [f"quality/luma/{name}" for name in _TONES] + [f"quality/chroma/{name}" for name in _CHROMAS]
    return ("quality/side", *texture, *detail, *tone, *(f"quality/pixel/{name}" for name in _PIXELS))


@dataclass(frozen=True)
class QualityExtractor:
    """Measures quality items of pictures."""

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the items in order, such as ``quality/texture/s0/line-h/Y2`` and ``quality/pixel/levels``."""
        return _names()

    @property
    def version(self) -> str:
        """Identifier of the extractor; items of different versions do not fit together."""
        return VERSION

    def extract(self, images: np.ndarray) -> np.ndarray:
        """Measure pictures.

        Args:
            images: (h, w, 3) or (n, h, w, 3), uint8 or floating 0…1.

        Returns:
            (n, p) float64; one row for a single picture. Always finite.

        Raises:
            ImageError: shape, dtype or range do not fit, or values are not finite.
        """
        from .planes import pictures_of
        from .views import PictureViews

        rows = [self.measure(PictureViews(picture)) for picture in pictures_of(images)]
        return np.stack(rows) if rows else np.zeros((0, len(self.names)))

    def measure(self, views: PictureViews) -> np.ndarray:
        """(p,) items of one picture."""
        from .planes import in_bytes

        rung = rung_of(views.longest)
        window = in_bytes(middle(views.picture, WINDOW))[0].permute(1, 2, 0).numpy()
        tone = _tone(in_bytes(views.at(min(rung, TONE_SIDE)))[0].numpy())
        return np.concatenate([[rung], _texture_and_detail(views.luma(rung)), tone, _pixel(window)])


def middle(picture: torch.Tensor, side: int) -> torch.Tensor:
    """The middle of a (…, h, w) picture: at most ``side`` pixels each way, as a view."""
    top, left = (max(0, n - side) // 2 for n in picture.shape[-2:])
    return picture[..., top : top + side, left : left + side]


@dataclass(frozen=True, slots=True)
class Grid:
    """Square cells over a plane, all whole, with equal margins.

    Attributes:
        rows, columns: number of cells.
        side: of a cell in pixels; a plane that is smaller is one shorter cell.
    """

    rows: int
    columns: int
    side: int

    @classmethod
    def over(cls, plane: np.ndarray, side: int) -> Grid:
        """As many cells as a plane (h, w) holds, at least one."""
        return cls(max(1, plane.shape[0] // side), max(1, plane.shape[1] // side), side)

    def cells(self, plane: np.ndarray) -> np.ndarray:
        """(rows, height, columns, width) view of the cells of a plane (h, w)."""
        height, width = min(self.side, plane.shape[0]), min(self.side, plane.shape[1])
        top, left = (plane.shape[0] - self.rows * height) // 2, (plane.shape[1] - self.columns * width) // 2
        inner = plane[top : top + self.rows * height, left : left + self.columns * width]
        return inner.reshape(self.rows, height, self.columns, width)

    def sums(self, one: np.ndarray, two: np.ndarray) -> np.ndarray:
        """(cells,) sums of the products of two planes (h, w) over the cells, a row of cells after the other."""
        sums: np.ndarray = np.einsum("ihjw,ihjw->ij", self.cells(one), self.cells(two)).ravel()
        return sums


def _texture_and_detail(pyramid: Pyramid) -> np.ndarray:
    """Texture items and detail items of luma at its canonical size."""
    luma = pyramid.raw(0)[0, 0].numpy()
    grid = Grid.over(luma, max(SMALLEST_CELL, max(luma.shape) // CELLS))
    energies, textures = [], []
    for scale in range(SCALES):
        # The same cells at every scale.
        scaled = replace(grid, side=max(1, grid.side >> scale))
        if scale < 2:
            energies.append(_gradient_energy(pyramid.raw(scale)[0, 0].numpy(), scaled))
        correlations = _cell_autocorrelations(pyramid.normalised(scale)[0, 0].numpy(), scaled)
        statistics = statistics_of(
            np.zeros(len(correlations)), correlations, np.full(len(correlations), scaled.side**2)
        )
        detailed = energies[0] >= DETAIL**2 * energies[0].max()
        textures.append(items_of(statistics)[detailed, :, 1:].mean(axis=0).ravel())
    details = [np.log10(np.percentile(energy, _QUANTILES) + 1e-6) for energy in energies]
    return np.concatenate([*textures, *details])


def _gradient_energy(raw: np.ndarray, grid: Grid) -> np.ndarray:
    """(cells,) mean squared gradient of a plane (h, w)."""
    energy = np.zeros_like(raw)
    for values, plane in ((raw, energy), (raw.T, energy.T)):
        # Half to each of the two pixels, so that cells of a mirrored picture have the same.
        halves = np.diff(values, axis=0) ** 2 / 2
        plane[1:] += halves
        plane[:-1] += halves
    cells: np.ndarray = grid.cells(energy).sum(axis=(1, 3), dtype=np.float64).ravel() / grid.side**2
    return cells


def _cell_autocorrelations(plane: np.ndarray, grid: Grid) -> np.ndarray:
    """(cells, 13) autocorrelations at ``LAGS`` of the cells of a plane (h, w); beyond its edge lie zeros.

    A product of two pixels counts half in the cell of each, so that cells of a mirrored picture have the same.
    """
    framed, both = np.pad(plane, 2), np.empty_like(plane)
    height, width = plane.shape

    def shifted(dy: int, dx: int) -> np.ndarray:
        return framed[2 + dy : 2 + dy + height, 2 + dx : 2 + dx + width]

    sums = []
    for dy, dx in LAGS:
        np.add(shifted(dy, dx), shifted(-dy, -dx), out=both)
        sums.append(grid.sums(plane, both))
    return np.stack(sums, axis=1).astype(np.float64) / 2


def quantiles_of(values: np.ndarray, percentages: Sequence[float]) -> np.ndarray:
    """Percentiles of uint8 values, by their histogram; float64 in 0…1."""
    cumulative = np.cumsum(np.bincount(values.ravel(), minlength=256))
    places = np.asarray(percentages) / 100 * (cumulative[-1] - 1)
    found: np.ndarray = np.searchsorted(cumulative, places, side="right") / 255
    return found


def _tone(small: np.ndarray) -> np.ndarray:
    """Tone items of a (3, h, w) uint8 picture."""
    red, green, blue = small
    largest, least = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
    luma = np.tensordot(_LUMA, small, axes=1)
    chroma = largest - least
    shares = [largest <= 2, least >= 253, (largest >= 254) & (least <= 1)]
    dark, light, clipped = (np.log10(share.mean() + 1e-3) for share in shares)
    levels = quantiles_of((luma + 0.5).astype(np.uint8), (1, 5, 25, 50, 75, 95, 99))
    chromas = quantiles_of(chroma, (50, 95, 99))
    return np.array([*levels, luma.std() / 255, dark, light, chroma.mean() / 255, *chromas, clipped])


def _pixel(window: np.ndarray) -> np.ndarray:
    """Pixel items of an (h, w, 3) uint8 picture."""
    luma = window @ (_LUMA / 255)
    half = luma[: len(luma) // 2 * 2, : luma.shape[1] // 2 * 2]
    coarse = (half[::2, ::2] + half[1::2, ::2] + half[::2, 1::2] + half[1::2, 1::2]) / 4
    redgreen = (window[::2, ::2, 0].astype(np.float32) - window[::2, ::2, 1]) / 510
    noise = [_noise(plane) for plane in (luma, coarse, redgreen)]
    across, down = _regular_edges(luma), _regular_edges(luma.T)
    green = np.ascontiguousarray(window[..., 1])
    counts = np.reshape(Image.fromarray(window).histogram(), (3, 256))
    levels = np.count_nonzero(counts, axis=1).max()
    same = np.concatenate([(green[:, 1:] == green[:, :-1]).ravel(), (green[1:] == green[:-1]).ravel()])
    last = [np.log10(levels), same.mean() if len(same) else 1.0, np.log10(comb_of(luma * 255) + FAINTEST)]
    return np.concatenate([*noise, (across + down) / 2, last])


def _noise(plane: np.ndarray) -> np.ndarray:
    """Tenth and fiftieth percentile over cells of log10 of the noise (standard deviation, 0…1)."""
    if min(plane.shape) < 4:
        return np.full(2, -4.0)
    second = plane[2:] + plane[:-2] - 2 * plane[1:-1]
    mask = np.abs(second[:, 2:] + second[:, :-2] - 2 * second[:, 1:-1])
    sigma = Grid.over(mask, NOISE_CELL).cells(mask).mean(axis=(1, 3)) * (np.sqrt(np.pi / 2) / 6)
    found: np.ndarray = np.log10(np.percentile(sigma, (10, 50)) + 1e-4)
    return found


def _regular_edges(luma: np.ndarray) -> np.ndarray:
    """Strength of regular vertical edges: at every eighth pixel, at any spacing, and the height of the step."""
    # Cut, so that the edges of what is shown do not decide.
    edges = np.minimum(np.abs(np.diff(luma, axis=1)), 0.04).mean(axis=0, dtype=np.float64)
    if len(edges) < 34:
        return np.array([0.0, 0.0, -4.0])
    profile = edges[1:-1] - (edges[:-2] + edges[2:]) / 2
    power = np.abs(np.fft.rfft(profile - profile.mean())) ** 2 + 1e-12
    frequency = np.arange(len(power)) / len(profile)
    usual = np.median(power) + 1e-12
    eighths = [power[np.abs(frequency - k / 8) <= 1.5 / len(profile)].max() for k in (1, 2, 3)]
    step = max(profile[phase::8].mean() for phase in range(8))
    return np.array(
        [np.mean(np.log10(np.array(eighths) / usual)), np.log10(power[frequency > 1 / 17].max() / usual),
         np.log10(max(step, 0) + 1e-4)]
    )  # fmt: skip
