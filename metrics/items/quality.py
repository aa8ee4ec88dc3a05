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

from ...threads import one_blas_thread
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
        """(n, p) float64 items, always finite, of (h, w, 3) or (n, h, w, 3) pictures, uint8 or floating 0…1."""
        from .planes import pictures_of
        from .views import PictureViews

        rows = [self.measure(PictureViews(picture)) for picture in pictures_of(images)]
        return np.stack(rows) if rows else np.zeros((0, len(self.names)))

    def measure(self, views: PictureViews) -> np.ndarray:
        """(p,) items of one picture."""
        from .planes import in_bytes

        rung = rung_of(views.longest)
        window = in_bytes(middle(views.picture, WINDOW))[0].permute(1, 2, 0).numpy()
        with one_blas_thread():
            tone = _tone(in_bytes(views.at(min(rung, TONE_SIDE)))[0].numpy())
            return np.concatenate([[rung], _texture_and_detail(views.luma(rung)), tone, _pixel(window)])


def middle(picture: torch.Tensor, side: int) -> torch.Tensor:
    """The middle of a (…, h, w) picture: at most ``side`` pixels each way, as a view."""
    top, left = (max(0, n - side) // 2 for n in picture.shape[-2:])
    return picture[..., top : top + side, left : left + side]


@dataclass(frozen=True, slots=True)
class Grid:
    """Square cells over a plane, all whole, with equal margins; a plane smaller than ``side`` is one shorter cell."""

    rows: int
    columns: int
    side: int

    @classmethod
    def over(cls, plane: np.ndarray, side: int) -> Grid:
        """As many cells as a plane (h, w) holds, at least one."""
        return cls(max(1, plane.shape[0] // side), max(1, plane.shape[1] // side), side)

    def place(self, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
        """Height and width of the cells of a plane (h, w), and row and column of the first one."""
        height, width = min(self.side, shape[0]), min(self.side, shape[1])
        return height, width, (shape[0] - self.rows * height) // 2, (shape[1] - self.columns * width) // 2

    def bands(self, plane: np.ndarray, top: int, left: int, height: int, wide: int) -> np.ndarray:
        """(rows, height, wide) view of the rows of cells of a plane that begin at ``top``, and of its columns from ``left``."""
        return plane[top : top + self.rows * height, left : left + wide].reshape(self.rows, height, wide)

    def sums(self, columns: np.ndarray) -> np.ndarray:
        """(…, cells) sums, a row of cells after the other, of (…, rows, columns · width) sums over their columns."""
        sums: np.ndarray = columns.reshape(*columns.shape[:-1], self.columns, -1).sum(axis=-1, dtype=np.float64)
        return sums.reshape(*sums.shape[:-2], -1)

    def means(self, plane: np.ndarray) -> np.ndarray:
        """(cells,) means of a plane (h, w)."""
        height, width, top, left = self.place(plane.shape)
        columns = self.bands(plane, top, left, height, self.columns * width).sum(axis=1)
        return self.sums(columns) / (height * width)


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


def _column_sums(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """(rows, w) sums of the products of (rows, h, w) bands over their columns."""
    sums: np.ndarray = np.einsum("rhw,rhw->rw", one, two)
    return sums


def _gradient_energy(raw: np.ndarray, grid: Grid) -> np.ndarray:
    """(cells,) mean squared gradient of a plane (h, w); a difference of two pixels counts half in the cell of each."""
    height, width, top, left = grid.place(raw.shape)
    wide = grid.columns * width
    # Differences from the pixel before, 0 before the first and after the last.
    down, across = np.zeros((len(raw) + 1, raw.shape[1]), raw.dtype), np.zeros((len(raw), raw.shape[1] + 1), raw.dtype)
    np.subtract(raw[1:], raw[:-1], out=down[1:-1])
    np.subtract(raw[:, 1:], raw[:, :-1], out=across[:, 1:-1])
    bands = grid.bands(down, top, left, height, wide)
    edges = down[top : top + grid.rows * height + 1 : height, left : left + wide] ** 2
    columns = _column_sums(bands, bands) + (edges[1:] - edges[:-1]) / 2
    bands = grid.bands(across, top, left, height, wide + 1)
    squares = _column_sums(bands, bands)
    columns += (squares[:, 1:] + squares[:, :-1]) / 2
    return grid.sums(columns) / grid.side**2


def _cell_autocorrelations(plane: np.ndarray, grid: Grid) -> np.ndarray:
    """(cells, 13) autocorrelations at ``LAGS`` of the cells of a plane (h, w); beyond its edge lie zeros.

    A product of two pixels counts half in the cell of each, so that cells of a mirrored picture have the same. The
    products are summed over the columns of the cells. From there the other half differs by products on the edges of
    cells alone: up to two rows above, and two columns beside.
    """
    height, width, top, left = grid.place(plane.shape)
    inner, wide = grid.columns * width, grid.columns * width + 4
    framed = np.zeros((plane.shape[0] + 4, plane.shape[1] + 8), plane.dtype)
    framed[2:-2, 4:-4] = plane
    bands = grid.bands(framed, top + 2, left + 2, height, wide)
    found = np.empty((len(LAGS), grid.rows * grid.columns))
    for number, (dy, dx) in enumerate(LAGS):
        columns = _column_sums(bands, grid.bands(framed, top + 2 + dy, left + 2 + dx, height, wide))
        other = columns.copy()
        for row in range(top + 2 - dy, top + 2):
            last = row + grid.rows * height + 1
            edges = (
                framed[row:last:height, left + 2 : left + 2 + wide]
                * framed[row + dy : last + dy : height, left + 2 + dx : left + 2 + dx + wide]
            )
            other += edges[:-1] - edges[1:]
        found[number] = grid.sums(columns[:, 2 : 2 + inner] + other[:, 2 - dx : 2 - dx + inner]) / 2
    return found.T


def quantiles_of(values: np.ndarray, percentages: Sequence[float]) -> np.ndarray:
    """Percentiles of uint8 values, by their histogram; float64 in 0…1."""
    cumulative = np.cumsum(np.bincount(values.ravel(), minlength=256))
    places = np.asarray(percentages) / 100 * (cumulative[-1] - 1)
    found: np.ndarray = np.searchsorted(cumulative, places, side="right") / 255
    return found


def _tone(small: np.ndarray) -> np.ndarray:
    """Tone items of a (3, h, w) uint8 picture."""
    red, green, blue = np.ascontiguousarray(small)
    largest, least = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
    luma = sum(weight * channel.astype(np.float32) for weight, channel in zip(_LUMA, (red, green, blue), strict=True))
    chroma = largest - least
    shares = [largest <= 2, least >= 253, (largest >= 254) & (least <= 1)]
    dark, light, clipped = (np.log10(np.count_nonzero(share) / share.size + 1e-3) for share in shares)
    levels = quantiles_of((luma + 0.5).astype(np.uint8), (1, 5, 25, 50, 75, 95, 99))
    chromas = quantiles_of(chroma, (50, 95, 99))
    return np.array([*levels, luma.std() / 255, dark, light, chroma.mean() / 255, *chromas, clipped])


def _pixel(window: np.ndarray) -> np.ndarray:
    """Pixel items of an (h, w, 3) uint8 picture."""
    from .planes import luma_of_bytes

    luma = luma_of_bytes(window.transpose(2, 0, 1))
    half = luma[: len(luma) // 2 * 2, : luma.shape[1] // 2 * 2]
    rows = half[::2] + half[1::2]
    coarse = (rows[:, ::2] + rows[:, 1::2]) / 4
    redgreen = (window[::2, ::2, 0].astype(np.float32) - window[::2, ::2, 1]) / 510
    noise = [_noise(plane) for plane in (luma, coarse, redgreen)]
    across, down = _regular_edges(luma, 1), _regular_edges(luma, 0)
    green = np.ascontiguousarray(window[..., 1])
    counts = np.reshape(Image.fromarray(window).histogram(), (3, 256))
    levels = np.count_nonzero(counts, axis=1).max()
    same = [green[:, 1:] == green[:, :-1], green[1:] == green[:-1]]
    number = sum(equal.size for equal in same)
    share = sum(np.count_nonzero(equal) for equal in same) / number if number else 1.0
    last = [np.log10(levels), share, np.log10(comb_of(luma * 255) + FAINTEST)]
    return np.concatenate([*noise, (across + down) / 2, last])


def _noise(plane: np.ndarray) -> np.ndarray:
    """Tenth and fiftieth percentile over cells of log10 of the noise (standard deviation, 0…1)."""
    from .planes import second_differences

    if min(plane.shape) < 4:
        return np.full(2, -4.0)
    mask = np.abs(second_differences(plane))
    sigma = Grid.over(mask, NOISE_CELL).means(mask) * (np.sqrt(np.pi / 2) / 6)
    found: np.ndarray = np.log10(np.percentile(sigma, (10, 50)) + 1e-4)
    return found


def _regular_edges(luma: np.ndarray, axis: int) -> np.ndarray:
    """Strength of regular edges across an axis: at every eighth pixel, at any spacing, and the height of the step."""
    steps = np.diff(luma, axis=axis)
    np.abs(steps, out=steps)
    # Cut, so that the edges of what is shown do not decide.
    np.minimum(steps, 0.04, out=steps)
    if axis:
        # Short sums in single precision, then their sum.
        edges = np.add.reduceat(steps, range(0, len(steps), 32), axis=0).mean(axis=0, dtype=np.float64)
        edges *= -(-len(steps) // 32) / len(steps)
    else:
        edges = steps.mean(axis=1).astype(np.float64)
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
