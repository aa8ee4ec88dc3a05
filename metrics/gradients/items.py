"""Items of a picture with a derivative: SOART, colour, quality, and those of the packaged networks.

Values are those of the extractors to a relative error of 10⁻⁴. These quality items are held fixed, because they count
pixels or levels of the 8-bit picture, so that their derivative is 0 wherever there is one: the shares of dark, light and
clipped pixels, the grids, the number of levels, the share of equal neighbours, and the comb of a JPEG.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from ..items.colour import HUES, QUANTILES, ColourExtractor
from ..items.combined import CombinedExtractor
from ..items.deep import DeepExtractor
from ..items.efficientnet import whole_size
from ..items.mobilenet import SIDE
from ..items.nima import NimaExtractor
from ..items.packaged import EFFICIENTNET
from ..items.packaged_items import PackagedExtractor
from ..items.parts import EPSILON, FORM_E, FORM_Q, FORM_R, LAGS
from ..items.planes import responses, to_channels
from ..items.quality import (
    CELLS,
    DETAIL,
    NOISE_CELL,
    SCALES,
    SMALLEST_CELL,
    TONE_SIDE,
    WINDOW,
    Grid,
    QualityExtractor,
    middle,
    rung_of,
)
from ..items.soart import METRICS, SoartExtractor
from ..items.views import PictureViews, Pyramid
from ..protocols import Extractor
from .views import SmoothViews, as_if

#: Names of quality items that are held fixed, after ``quality/``.
FIXED = ("side", "luma/dark", "luma/light", "chroma/clipped", "pixel/grid/eight", "pixel/grid/any", "pixel/grid/step",
         "pixel/levels", "pixel/equal", "pixel/comb")  # fmt: skip


def has_gradient(extractor: Extractor) -> bool:
    """True if ``items_of`` knows the items of an extractor."""
    if isinstance(extractor, CombinedExtractor):
        return all(map(has_gradient, extractor.parts))
    own = SoartExtractor | ColourExtractor | QualityExtractor | NimaExtractor
    return isinstance(extractor, own) or _packaged(extractor) is not None


def _packaged(extractor: Extractor) -> DeepExtractor | None:
    """The packaged network at all depths; None for other extractors."""
    if isinstance(extractor, PackagedExtractor):
        return extractor.loaded
    if isinstance(extractor, DeepExtractor) and extractor.source == EFFICIENTNET and extractor.network.widths:
        return extractor
    return None


def items_of(extractor: Extractor, views: SmoothViews) -> torch.Tensor:
    """(p,) float64 items of one picture, with a derivative; only for extractors that have one, see ``has_gradient``."""
    if isinstance(extractor, CombinedExtractor):
        return torch.cat([items_of(part, views) for part in extractor.parts])
    if isinstance(extractor, SoartExtractor):
        return soart_items(extractor, views)
    if isinstance(extractor, ColourExtractor):
        return colour_items(views.at(extractor.side))
    if isinstance(extractor, QualityExtractor):
        return quality_items(views)
    if isinstance(extractor, NimaExtractor):
        return nima_items(extractor, views)
    packaged = _packaged(extractor)
    assert packaged is not None
    return network_items(packaged, views)


def soart_items(extractor: SoartExtractor, views: SmoothViews) -> torch.Tensor:
    """(p,) items as ``SoartExtractor.measure`` has them."""
    found: dict[tuple[str, int], list[torch.Tensor]] = {}
    for pyramid in (views.luma(extractor.side), views.opponents(extractor.side // 2)):
        for representation, scale in product(extractor.representations, range(extractor.scales)):
            planes = pyramid.raw(scale) if representation == "raw" else pyramid.normalised(scale)
            planes = planes[0].double()
            means = planes.mean(dim=(1, 2))
            correlations = autocorrelations(planes - means[:, None, None])
            items = part_items(means, correlations, float(responses(planes)))
            found.setdefault((representation, scale), []).append(items)
    # (representations, scales, channels, parts, metrics), then channels before scales, as in the names.
    shape = len(extractor.representations), extractor.scales
    joined = torch.stack([torch.cat(items) for items in found.values()])
    joined = joined.reshape(*shape, *joined.shape[1:]).transpose(1, 2)
    return joined[..., [METRICS.index(metric) for metric in extractor.metrics]].reshape(-1)


def autocorrelations(planes: torch.Tensor) -> torch.Tensor:
    """(c, 13) sums Σ y(p) y(p + lag) over LAGS of (c, h, w) planes framed by zeros."""
    height, width = planes.shape[1:]
    sums = []
    for dy, dx in LAGS:
        down, left, right = max(height - dy, 0), max(0, -dx), max(width - max(0, dx), 0)
        here = planes[:, :down, left:right]
        there = planes[:, dy : dy + down, left + dx : max(right + dx, 0)]
        sums.append((here * there).sum(dim=(1, 2)))
    return torch.stack(sums, dim=1)


def part_items(means: torch.Tensor, correlations: torch.Tensor, count: float) -> torch.Tensor:
    """(…, parts, 3) Y1, Y2 and Y3, as ``parts.items_of`` has them, from means (…) and autocorrelations (…, 13)."""
    r, q, e = (correlations @ torch.as_tensor(form.T).to(correlations) for form in (FORM_R, FORM_Q, FORM_E))
    r = r + (count * means**2)[..., None]
    positive = r > 0
    explained = torch.where(positive, q**2 / torch.where(positive, r, 1.0), 0.0)
    error = (e - explained).clamp_min(0) / (count - 1)
    total = r + 2 * q + e
    nonzero = (r > 1e-18 * count).expand_as(q)
    beta = 1 + torch.where(nonzero, q / torch.where(nonzero, r, 1.0), 0.0)
    counted = nonzero & (total > 0)
    share = torch.where(counted, error * (count - 1) / torch.where(counted, total, 1.0), 0.0)
    decibels = [10 * torch.log10(value + EPSILON) for value in (error, share.clamp(0, 1))]
    return torch.stack([beta, *decibels], dim=-1)


def colour_items(picture: torch.Tensor) -> torch.Tensor:
    """(40,) items as ``colour.colour_items`` has them, of a (1, 3, h, w) picture in 0…1."""
    rgb = picture[0].flatten(1)
    planes = to_channels(picture)[0].flatten(1)
    largest, chroma = rgb.amax(dim=0), rgb.amax(dim=0) - rgb.amin(dim=0)
    values = torch.cat([planes, chroma[None]]).double()
    means = values.mean(dim=1)
    deviations = _root(((values - means[:, None]) ** 2).mean(dim=1))
    quantiles = torch.quantile(values, torch.tensor(QUANTILES).to(values) / 100, dim=1)
    statistics = torch.cat([means[:, None], deviations[:, None], quantiles.T], dim=1)
    return torch.cat([statistics.flatten(), _hue_shares(rgb.double(), chroma.double(), largest.double())])


def _root(squares: torch.Tensor) -> torch.Tensor:
    """Roots, with a derivative of 0 at 0."""
    positive = squares > 0
    return torch.where(positive, torch.where(positive, squares, 1.0).sqrt(), 0.0)


def _hue_shares(rgb: torch.Tensor, chroma: torch.Tensor, largest: torch.Tensor) -> torch.Tensor:
    """(12,) as ``colour.hue_shares``, of (3, pixels) colours."""
    coloured = chroma > 0
    (r, g, b), c, top = rgb[:, coloured], chroma[coloured], largest[coloured]
    sector = torch.where(top == r, (g - b) / c, torch.where(top == g, (b - r) / c + 2, (r - g) / c + 4))
    place = torch.where(sector < 0, sector + 6, sector) * (len(HUES) / 6)
    below = place.detach().long()
    share = place - below
    total = rgb.new_zeros(len(HUES))
    total = total.index_add(0, below % len(HUES), c * (1 - share))
    total = total.index_add(0, (below + 1) % len(HUES), c * share)
    return total / max(rgb.shape[1], 1)


def quality_items(views: SmoothViews) -> torch.Tensor:
    """(p,) items as ``QualityExtractor.measure`` has them; those of ``FIXED`` without a derivative."""
    extractor = QualityExtractor()
    exact = torch.from_numpy(extractor.measure(PictureViews(views.bytes))).to(views.picture.device)
    rung = rung_of(views.longest)
    window = middle(views.picture, WINDOW)
    smooth = torch.cat(
        [
            _texture_and_detail(views.luma(rung)),
            _tone(views.at(min(rung, TONE_SIDE)), rounded=views.rounded),
            _noises(window),
        ]
    )
    numbers = [k for k, name in enumerate(extractor.names) if name.removeprefix("quality/") not in FIXED]
    return exact.index_copy(0, torch.tensor(numbers, device=exact.device), smooth)


def _cells(plane: torch.Tensor, grid: Grid) -> torch.Tensor:
    """(…, cells) sums of planes (…, h, w) over the cells of a grid."""
    height, width, top, left = grid.place(tuple(plane.shape[-2:]))
    inner = plane[..., top : top + grid.rows * height, left : left + grid.columns * width]
    return inner.reshape(*plane.shape[:-2], grid.rows, height, grid.columns, width).sum(dim=(-3, -1)).flatten(-2)


def _texture_and_detail(pyramid: Pyramid) -> torch.Tensor:
    luma = pyramid.raw(0)[0, 0]
    # Only the shape of the plane counts.
    grid = Grid.over(luma, max(SMALLEST_CELL, max(luma.shape) // CELLS))  # type: ignore[arg-type]
    energies, textures = [], []
    for scale in range(SCALES):
        scaled = replace(grid, side=max(1, grid.side >> scale))
        if scale < 2:
            energies.append(_gradient_energy(pyramid.raw(scale)[0, 0].double(), scaled))
        correlations = _cell_autocorrelations(pyramid.normalised(scale)[0, 0].double(), scaled)
        items = part_items(correlations.new_zeros(len(correlations)), correlations, float(scaled.side**2))
        detailed = energies[0] >= DETAIL**2 * energies[0].max()
        textures.append(items[detailed, :, 1:].mean(dim=0).flatten())
    shares = torch.tensor([0.1, 0.25, 0.5, 0.75, 0.9], dtype=torch.float64, device=luma.device)
    return torch.cat([*textures, *(torch.log10(torch.quantile(energy, shares) + 1e-6) for energy in energies)])


def _gradient_energy(raw: torch.Tensor, grid: Grid) -> torch.Tensor:
    """(cells,) mean squared gradient; a difference of two pixels counts half at each."""
    down = functional.pad((raw[1:] - raw[:-1]) ** 2, (0, 0, 1, 1))
    across = functional.pad((raw[:, 1:] - raw[:, :-1]) ** 2, (1, 1))
    return _cells(down[1:] + down[:-1] + across[:, 1:] + across[:, :-1], grid) / (2 * grid.side**2)


def _cell_autocorrelations(plane: torch.Tensor, grid: Grid) -> torch.Tensor:
    """(cells, 13) autocorrelations; a product of two pixels counts half in the cell of each."""
    height, width = plane.shape
    framed = functional.pad(plane, (2, 2, 2, 2))

    def at(dy: int, dx: int) -> torch.Tensor:
        return framed[2 + dy : 2 + dy + height, 2 + dx : 2 + dx + width]

    products = torch.stack([plane * (at(dy, dx) + at(-dy, -dx)) / 2 for dy, dx in LAGS])
    return _cells(products, grid).T


def _order_statistics(values: torch.Tensor, percentages: Sequence[float]) -> torch.Tensor:
    """Percentiles as ``quality.quantiles_of`` has them, without interpolation."""
    ordered = values.flatten().sort().values
    return ordered[[int(percentage / 100 * (len(ordered) - 1)) for percentage in percentages]]


def _tone(picture: torch.Tensor, *, rounded: bool) -> torch.Tensor:
    rgb = picture[0].double()
    chroma = rgb.amax(dim=0) - rgb.amin(dim=0)
    luma = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]
    # In single precision, as the extractor rounds it.
    levels = as_if(((luma.detach() * 255).float() + 0.5).floor().double() / 255, luma) if rounded else luma
    deviation = _root(((luma - luma.mean()) ** 2).mean())
    return torch.cat([
        _order_statistics(levels, (1, 5, 25, 50, 75, 95, 99)), deviation[None], chroma.mean()[None],
        _order_statistics(chroma, (50, 95, 99)),
    ])  # fmt: skip


def _noises(window: torch.Tensor) -> torch.Tensor:
    """(6,) items of noise: fine, coarse, and of colour."""
    rgb = window[0].double()
    luma = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]
    coarse = functional.avg_pool2d(luma[None, None], 2)[0, 0] if min(luma.shape) > 1 else luma[:0, :0]
    return torch.cat([_noise(plane) for plane in (luma, coarse, (rgb[0, ::2, ::2] - rgb[1, ::2, ::2]) / 2)])


def _noise(plane: torch.Tensor) -> torch.Tensor:
    if min(plane.shape) < 4:
        return plane.new_full((2,), -4.0)
    down = plane[2:] - 2 * plane[1:-1] + plane[:-2]
    mask = (down[:, 2:] - 2 * down[:, 1:-1] + down[:, :-2]).abs()
    grid = Grid.over(mask, NOISE_CELL)  # type: ignore[arg-type]
    height, width, _, _ = grid.place(tuple(mask.shape))
    sigma = _cells(mask, grid) / (height * width) * (np.sqrt(np.pi / 2) / 6)
    return torch.log10(torch.quantile(sigma, torch.tensor([0.1, 0.5]).to(sigma)) + 1e-4)


@lru_cache(maxsize=2)
def _module(extractor: DeepExtractor, dtype: torch.dtype, device: str) -> Any:  # noqa: ANN401
    """A copy of the packaged network whose weights stay as they are, in a precision and on a device."""
    return deepcopy(extractor.network.module).to(device=device, dtype=dtype).requires_grad_(False)


def network_items(extractor: DeepExtractor, views: SmoothViews) -> torch.Tensor:
    """(p,) items of the packaged network at all depths, as its extractor has them."""
    height, width = views.picture.shape[2:]
    prepared = (views.resized(*whole_size(width, height)) * 255 - 127) / 128
    module = _module(extractor, prepared.dtype, str(prepared.device))
    return torch.cat(module.stages(prepared), dim=1)[0].double()


def nima_items(extractor: NimaExtractor, views: SmoothViews) -> torch.Tensor:
    """(2,) items as ``NimaExtractor`` has them; the derivative is that of the mean over all shifts of the pixels taken.

    The network sees a fraction of the pixels, so the derivative of its own value would be a pattern of dots.
    """
    height, width = views.picture.shape[2:]
    across, down = (max(1, round(length / SIDE)) for length in whole_size(width, height))
    pixels = views.resized(across * SIDE, down * SIDE) * 2 - 1
    shifts = pixels.reshape(3, SIDE, down, SIDE, across).permute(2, 4, 0, 1, 3).reshape(-1, 3, SIDE, SIDE)
    marks = _module(extractor.loaded, pixels.dtype, str(pixels.device))(torch.cat([shifts, shifts.flip(3)]))
    exact = torch.from_numpy(extractor.extract(views.bytes[0].permute(1, 2, 0).cpu().numpy())[0]).to(marks.device)
    mean = marks.mean().double()
    return torch.stack([as_if(exact[0], mean) if views.rounded else mean, exact[1]])


def differentiate(
    value: Callable[[torch.Tensor], torch.Tensor],
    extractor: Extractor,
    pixels: np.ndarray,
) -> tuple[float, np.ndarray]:
    """The value of a picture (h, w, 3) floating 0…1 by its (p,) items, and its derivative (h, w, 3) by the pixels.

    The value is that of the 8-bit picture. The extractor has to be one that ``has_gradient``.
    """
    picture = torch.from_numpy(np.array(pixels, dtype=np.float32)).permute(2, 0, 1)[None].requires_grad_()
    with torch.inference_mode(mode=False), torch.enable_grad():
        found = value(items_of(extractor, SmoothViews(picture)))
        derivative = torch.zeros_like(picture)
        # A constant has no graph.
        if found.requires_grad:
            (derivative,) = torch.autograd.grad(found, picture)
    return float(found.detach()), derivative[0].permute(1, 2, 0).contiguous().numpy()
