"""Built-in models of items with a derivative: faults, appeal, rated quality, NIMA, and scores of them.

Every function turns the (p,) float64 items of one picture, which must be fit (``damage/fitness``), into a single value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from torch.nn import functional

from ..damage.quality_model import CUT as QUALITY_CUT
from ..damage.quality_model import RUNG_SHARE, UNIT_SIZE, QualityModel, folded, unit_texture
from ..damage.rated_quality import (
    COLOURFUL,
    LARGE,
    LEAST,
    LEAST_COLOURFUL,
    SIDE,
    SMALLEST,
    TOP,
    USUAL_SQUARE,
    RatedQuality,
    rated_appearance_model,
    rated_quality_model,
)
from ..damage.technical import HALF, KNEE, STEEPNESS, STRANGE, WIDTH, TechnicalJudge, points_of
from ..items.frame import CUT, columns_of
from ..items.nima import ITEMS
from ..tastes import overall
from ..tastes.appeal import TEMPERATURE, appeal_model


def constant(values: np.ndarray, like: torch.Tensor) -> torch.Tensor:
    """A NumPy array as a tensor of the type and device of another."""
    return torch.as_tensor(values).to(like)


def deviations(items: torch.Tensor, centre: np.ndarray, scale: np.ndarray, cut: float = CUT) -> torch.Tensor:
    """Items less their centre, in scales, cut to −cut … cut."""
    return ((items - constant(centre, items)) / constant(scale, items)).clamp(-cut, cut)


def cost_of_faults(model: QualityModel, quality: torch.Tensor) -> torch.Tensor:
    """The sum of ``technical.costs``, of the (p,) quality items of a picture."""
    evidence = fault_evidence(model, quality)
    rung = _rung(model, quality)
    faults = float(model.weight[rung]) * WIDTH * functional.softplus((evidence - KNEE) / WIDTH)
    return faults.sum() + STRANGE * functional.softplus(strangeness(model, quality))


def _rung(model: QualityModel, quality: torch.Tensor) -> int:
    return int(model.rung(quality.detach().cpu().numpy()[None])[0])


def fault_evidence(model: QualityModel, quality: torch.Tensor) -> torch.Tensor:
    """(k,) as ``QualityModel.evidence``."""
    rung = _rung(model, quality)
    z = deviations(quality, model.centre[rung], model.scale[rung], QUALITY_CUT)
    features = z @ constant(folded(model.names)[1], z) - constant(model.key_centre, z)
    size = constant(RUNG_SHARE * np.sqrt(len(features)) * np.eye(len(model.rungs))[rung], z)
    raw = constant(model.share, z)
    for number, (rotation, keys) in enumerate(zip(model.rotation, model.rotated_keys, strict=True)):
        query = functional.normalize(torch.cat([features @ constant(rotation, z), size]), dim=0)
        near = torch.exp((constant(keys, z) @ query - 1) / model.temperature)
        faults = np.flatnonzero(model.rotated_by == number)
        raw = raw.index_add(0, torch.as_tensor(faults, device=z.device), near @ constant(model.values[:, faults], z))
    usual = model.usual[:, rung]
    return (raw - constant(usual, z)) / constant(model.limit[:, rung] - usual, z)


def strangeness(model: QualityModel, quality: torch.Tensor) -> torch.Tensor:
    """As ``QualityModel.strangeness``."""
    rung = _rung(model, quality)
    size = int(UNIT_SIZE[rung])
    numbers = unit_texture(np.arange(len(model.names))[None], model.names, np.array([rung]))[0]
    texture = quality[torch.as_tensor(numbers, device=quality.device)]
    z = deviations(texture, model.unit_centre[size], model.unit_scale[size], QUALITY_CUT)
    distances = []
    for number in np.flatnonzero(model.unit_size == size):
        apart = z - constant(model.unit_mean[number], z)
        distances.append(apart @ constant(model.unit_inverse[number], z) @ apart)
    logarithm = torch.log(torch.stack(distances).min() / len(z) + 1e-9)
    return (logarithm - float(model.distance_mean[size])) / float(model.distance_scale[size])


def appeal(items: torch.Tensor, names: Sequence[str]) -> torch.Tensor:
    """As ``Appeal.scores``."""
    model = appeal_model()
    own = items[columns_of("Appeal", model.names, names)]
    direction = deviations(own, model.centre, model.scale) @ constant(model.axes, items)
    direction = direction / direction.norm().clamp_min(1e-300)
    near = torch.exp((constant(model.pictures, items) @ direction - 1) / TEMPERATURE)
    return model.offset + near @ constant(model.weights, items)


def nima(items: torch.Tensor) -> torch.Tensor:
    """As ``nima_values``, of one picture."""
    return torch.where(items[1] == 0, items[0], torch.nan)


def rated_quality(items: torch.Tensor, names: Sequence[str], model: RatedQuality) -> torch.Tensor:
    """As ``RatedQuality.scores``; the usual value for pictures that are too small."""
    own = items[columns_of("Rated quality", model.names, names)]
    if float(own[model.names.index(SIDE)].detach()) < SMALLEST:
        return items.new_tensor(model.usual)
    z = deviations(own, model.centre, model.scale)
    return (model.offset + z @ constant(model.weights, items)).clamp(0, 1)


def share_left(rated: torch.Tensor) -> torch.Tensor:
    """As ``RatedQuality.shares_left``."""
    return (rated / TOP).clamp(LEAST, 1)


def unlikeness(items: torch.Tensor, names: Sequence[str], model: RatedQuality) -> torch.Tensor:
    """As ``RatedQuality.unlikeness``; the usual value for pictures that are too small."""
    own = items[columns_of("Rated quality", model.names, names)]
    if float(own[model.names.index(SIDE)].detach()) < LARGE:
        return items.new_tensor(overall.USUAL_UNLIKENESS)
    squares = deviations(own, model.centre, model.scale) ** 2
    if float(own[model.names.index(COLOURFUL)].detach()) < LEAST_COLOURFUL:
        squares = squares.masked_fill(torch.as_tensor(model.coloured, device=squares.device), USUAL_SQUARE)
    return squares.mean().sqrt()


def technical_score(judge: TechnicalJudge, items: torch.Tensor) -> torch.Tensor:
    """As ``TechnicalJudge.score``: the technical score, or the freedom from a fault."""
    names, model = judge.extractor.names, judge.model
    quality = items[judge.columns]
    if judge.fault:
        evidence = fault_evidence(model, quality)[model.detectors.index(judge.fault)]
        return 100 / (1 + torch.exp((STEEPNESS * (evidence - 1)).clamp(-30, 30)))
    left = share_left(rated_quality(items, names, rated_appearance_model()))
    return _points(cost_of_faults(model, quality) - model.half * torch.log2(left), HALF)


def _points(technometric: torch.Tensor, half: float) -> torch.Tensor:
    return cast(torch.Tensor, points_of(technometric, half))  # type: ignore[arg-type]


def overall_score(judge: overall.OverallJudge, items: torch.Tensor) -> torch.Tensor:
    """As ``OverallJudge.score``."""
    names, technical = judge.extractor.names, judge.technical
    freedom = _points(cost_of_faults(technical.model, items[technical.columns]), technical.model.half)
    share = torch.sigmoid(overall.SLOPE * (appeal(items, names) - overall.MIDDLE))
    left = share_left(rated_quality(items, names, rated_quality_model())) ** overall.QUALITY_POWER
    alike = overall.ALIKE / unlikeness(items, names, rated_appearance_model()).clamp_min(overall.ALIKE)
    mark = nima(items[columns_of("NIMA", ITEMS, names)]).nan_to_num(overall.USUAL_MARK).clamp_max(overall.BEST_MARK)
    rating = torch.exp(overall.MARK_WEIGHT * (mark - overall.BEST_MARK))
    faultless = (freedom / 100) ** overall.POWER
    halvings = -torch.log2(faultless * share * left * alike**overall.UNLIKENESS_POWER * rating)
    near, logit, slope = map(float, overall.lines_at(halvings.detach().cpu().numpy()))
    return 100 * torch.sigmoid(logit + (halvings - near) * slope)
