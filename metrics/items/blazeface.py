"""BlazeFace: the networks that find faces, and what they see of a picture; see ``faces``.

Source: Bazarevsky et al., "BlazeFace: sub-millisecond neural face detection on mobile GPUs" (2019).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy.special import expit, logit
from torch.nn import functional

from ...errors import ModelError, first_line
from ..formats.tensors import read_tensors

#: Weight and bias of a convolution.
Layer = tuple[torch.Tensor, torch.Tensor]
#: Width and height of what the networks see: the first finds faces that fill much of it, the second smaller ones, too.
SIDES = {"short": 128, "full": 192}
#: Number of convolutions of each network.
_DEPTHS = {"short": 37, "full": 91}
_WEIGHTS = Path(__file__).with_name("faces.safetensors")


def _convolved(x: torch.Tensor, layer: Layer, stride: int = 1, *, even: bool = True) -> torch.Tensor:
    """The convolution by a layer; ``even`` pads before and after alike, else as TensorFlow's SAME."""
    weight, bias = layer
    kernel = weight.shape[-1]
    groups = len(weight) if weight.shape[1] == 1 else 1
    edge = kernel // 2
    if not even and stride > 1:
        before = (kernel - stride) // 2
        after = kernel - stride - before
        x, edge = functional.pad(x, (before, after, before, after)), 0
    return functional.conv2d(x, weight, bias, stride, edge, groups=groups)


def short_range(x: torch.Tensor, layers: Iterator[Layer]) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-odds (n, 896) and places (n, 896, 16) of faces in pictures (n, 3, 128, 128) in −1 … 1."""
    x = _convolved(x, next(layers), 2, even=False).relu()
    for number in range(16):
        stride = 2 if number in (2, 5, 11) else 1
        if number == 11:
            fine = x
        y = _convolved(_convolved(x, next(layers), stride, even=False), next(layers))
        short = functional.max_pool2d(x, 2) if stride == 2 else x
        x = (functional.pad(short, (0, 0, 0, 0, 0, y.shape[1] - x.shape[1])) + y).relu()
    outputs = [_convolved(seen, next(layers)).permute(0, 2, 3, 1) for seen in (fine, x, fine, x)]
    odds, places = ([part.reshape(len(x), -1, size) for part in outputs[k : k + 2]] for k, size in ((0, 1), (2, 16)))
    return torch.cat(odds, 1)[..., 0], torch.cat(places, 1)


def full_range(x: torch.Tensor, layers: Iterator[Layer]) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-odds (n, 2304) and places (n, 2304, 16) of faces in pictures (n, 3, 192, 192) in −1 … 1."""

    def block(x: torch.Tensor, stride: int = 1) -> torch.Tensor:
        y = _convolved(_convolved(x, next(layers), stride), next(layers)).relu()
        y = _convolved(_convolved(y, next(layers)), next(layers))
        return (y + x if y.shape == x.shape else y).relu()

    def spread(x: torch.Tensor) -> torch.Tensor:
        x = _convolved(_convolved(x, next(layers)), next(layers), 2)
        count, channels, height, width = x.shape
        x = x.reshape(count, 2, 2, channels // 4, height, width).permute(0, 4, 1, 5, 2, 3)
        return x.reshape(count, 4 * height * width, channels // 4)

    x = block(block(_convolved(x, next(layers), 2).relu()))
    beside = []
    for blocks in (3, 3, 3, 4):
        for number in range(blocks):
            x = block(x, 1 if number else 2)
        # The last one is what the others are added to.
        beside.append(_convolved(x, next(layers)).relu())
    x = beside.pop()
    for blocks in (2, 2, 1):
        x = functional.interpolate(x, scale_factor=2, mode="bilinear") + beside.pop()
        for _ in range(blocks):
            x = block(x)
        if beside:
            x = _convolved(x, next(layers)).relu()
    odds, places = spread(x), spread(x)
    return odds[..., 0], places


@cache
def anchors(network: str) -> torch.Tensor:
    """(n, 2) middles, in shares of the square, that places of faces are relative to."""
    grids = ((16, 2), (8, 6)) if network == "short" else ((48, 1),)
    middles = []
    for cells, each in grids:
        line = (torch.arange(cells) + 0.5) / cells
        grid = torch.stack([line.repeat(cells), line.repeat_interleave(cells)], 1)
        middles.append(grid.repeat_interleave(each, 0))
    return torch.cat(middles)


@cache
def networks(path: Path) -> Mapping[str, Sequence[Layer]]:
    """The layers of both networks, from a file; ``ModelError`` if it is missing, damaged, or of another network."""
    try:
        tensors = {name: torch.from_numpy(array).float() for name, array in read_tensors(path)[1].items()}
        return {
            name: [(tensors[f"{name}.{k}.weight"], tensors[f"{name}.{k}.bias"]) for k in range(depth)]
            for name, depth in _DEPTHS.items()
        }
    # A damaged file raises errors of nearly any kind.
    except Exception as error:
        raise ModelError(
            f"The weights {str(path)!r} cannot be read as BlazeFace ({first_line(error)}): reinstall soart."
        ) from error


#: Probability from which on a finding of a network counts, and that of all together from which on it is a face.
_CANDIDATE, _FACE = 0.3, 0.5
#: Log-odds of a face, by those of the best finding of each view above a candidate's; see ``benchmarks/search/faces.py``.
_OFFSET, _SLOPE = -4.2, 1.4
#: Shares of overlap, of the union and of the smaller one, from which on two findings are one face.
_UNION, _INSIDE = 0.3, 0.6
#: Side of the squares by which a picture is looked through, in shares of its shorter side, and the shortest such side.
_PART, _SMALLEST_PART = 0.6, 96
#: Side of a face whose sharpness is measured.
_DETAIL = 96
#: Mean step of the finest detail, in standard deviations of the grey levels, of a face that is as sharp as can be.
_SHARPEST = 1.0


@torch.inference_mode()
def findings(picture: Image.Image, network: str, boxes: Sequence[tuple[int, int, int, int]]) -> np.ndarray:
    """(k, 17) what a network finds in parts: probability, then x and y of corners, eyes, nose, mouth and ears."""
    side, rows = SIDES[network], []
    squares, frames = [], []
    for box in boxes:
        width, height = box[2] - box[0], box[3] - box[1]
        scale = side / max(width, height)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        small = np.asarray(picture.resize(size, Image.Resampling.BILINEAR, box), dtype=np.float32)
        x, y = (side - size[0]) // 2, (side - size[1]) // 2
        square = np.zeros((side, side, 3), np.float32)
        square[y : y + size[1], x : x + size[0]] = small
        squares.append(square)
        frames.append((x, y, scale))
    seen = torch.from_numpy(np.stack(squares) / 127.5 - 1).permute(0, 3, 1, 2)
    run = short_range if network == "short" else full_range
    odds, places = run(seen, iter(networks(_WEIGHTS)[network]))
    for box, (x, y, scale), chances, points in zip(boxes, frames, odds.clamp(-50, 50).sigmoid(), places, strict=True):
        likely = chances > _CANDIDATE
        found = points[likely].reshape(-1, 8, 2) / side
        middle, half = found[:, :1] + anchors(network)[likely][:, None], found[:, 1:2] / 2
        marks = found[:, 2:] + anchors(network)[likely][:, None]
        corners = torch.cat([middle - half, middle + half, marks], dim=1) * side
        corners = (corners - torch.tensor([x, y])) / scale + torch.tensor(box[:2])
        rows.append(torch.cat([chances[likely][:, None], corners.flatten(1)], dim=1).numpy())
    return np.concatenate(rows).astype(np.float64)


def parts(width: int, height: int) -> list[tuple[int, int, int, int]]:
    """Overlapping squares (left, top, right, bottom) that cover a picture; none of a small one."""
    side = int(np.ceil(min(width, height) * _PART))
    if side < _SMALLEST_PART:
        return []
    lefts, tops = (
        np.linspace(0, length - side, max(2, int(np.ceil((length - side) / (side * 0.67))) + 1)).round().astype(int)
        for length in (width, height)
    )
    return [(x, y, x + side, y + side) for x in lefts.tolist() for y in tops.tolist()]


def _overlaps(one: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(k,) shares of overlap of a finding and k others: of their union, and of the smaller one."""
    low, high = np.maximum(one[1:3], others[:, 1:3]), np.minimum(one[3:5], others[:, 3:5])
    both = np.clip(high - low, 0, None).prod(axis=1)
    sizes = [np.clip(part[..., 3:5] - part[..., 1:3], 1e-6, None).prod(axis=-1) for part in (one, others)]
    return both / (sizes[0] + sizes[1] - both), both / np.minimum(sizes[0], sizes[1])


def merged(views: Sequence[np.ndarray]) -> np.ndarray:
    """Faces (k, 17) from the findings of several views of a picture, the most probable first.

    Findings that overlap are one face, at their mean place. The more views find it, the more probable it is.
    """
    rows = np.concatenate(views)
    view = np.repeat(np.arange(len(views)), [len(found) for found in views])
    faces = []
    while len(rows):
        best = rows[:, 0].argmax()
        union, inside = _overlaps(rows[best], rows)
        same = (union > _UNION) | (inside > _INSIDE)
        near = rows[union > _UNION]
        face = np.average(near, axis=0, weights=near[:, 0])
        sure = [rows[same & (view == number), 0].max(initial=_CANDIDATE) for number in range(len(views))]
        face[0] = expit(_OFFSET + _SLOPE * float((logit(sure) - logit(_CANDIDATE)).sum()))
        faces.append(face)
        rows, view = rows[~same], view[~same]
    return np.array(sorted(faces, key=lambda face: -face[0])).reshape(-1, 17)


def find_faces(pixels: np.ndarray) -> np.ndarray:
    """(n, 7) the faces of a picture (h, w, 3) uint8 as ``faces.Face`` names them, the largest first."""
    picture = Image.fromarray(pixels)
    width, height = picture.size
    whole = [(0, 0, width, height)]
    views = [findings(picture, "short", whole), findings(picture, "full", whole)]
    views.append(findings(picture, "full", boxes) if (boxes := parts(width, height)) else views[1][:0])
    found = np.array([_described(picture, face) for face in merged(views) if face[0] > _FACE]).reshape(-1, 7)
    areas = (found[:, 2:4] - found[:, :2]).clip(0).prod(axis=1)
    return np.asarray(found[np.argsort(-areas, kind="stable")])


def _described(picture: Image.Image, face: np.ndarray) -> list[float]:
    """The parts of ``faces.Face`` of a face (17,) of a picture."""
    width, height = picture.size
    marks = face[1:].reshape(8, 2)
    corners = np.clip(marks[:2], 0, [width, height])
    eyes, nose = marks[2:4], marks[4]
    # Where the nose lies between the eyes, along the line through them.
    line = eyes[1] - eyes[0]
    place = float((nose - eyes.mean(axis=0)) @ line / max(float(line @ line), 1e-6))
    box = tuple(corners.flatten().tolist())
    sharp = 0.0
    if min(corners[1] - corners[0]) >= 1:
        grey = np.asarray(picture.convert("L").resize((_DETAIL, _DETAIL), Image.Resampling.BILINEAR, box), np.float32)
        steps = np.abs(4 * grey[1:-1, 1:-1] - grey[:-2, 1:-1] - grey[2:, 1:-1] - grey[1:-1, :-2] - grey[1:-1, 2:])
        sharp = min(1.0, float(steps.mean() / max(float(grey.std()), 1.0)) / _SHARPEST)
    return [*(corners / [width, height]).flatten().tolist(), float(face[0]), max(0.0, 1 - 2 * abs(place)), sharp]
