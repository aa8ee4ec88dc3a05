"""Tastes with a derivative.

Every function takes the (p,) float64 items of one picture. What items do not tell (making, other raters, other judges)
is constant; of tastes that were learnt from it, the part without it counts.
"""

from __future__ import annotations

import torch

from ..damage.names import TECHNICAL
from ..damage.technical import quality_model
from ..damage.titles import JudgeKey, Kind
from ..items.frame import columns_of
from ..items.nima import ITEMS, NIMA
from ..tastes.appeal import APPEAL
from ..tastes.blend import Blend
from ..tastes.fitting import Fitted, Scaling
from ..tastes.item_kernels import Head, ItemKernels
from ..tastes.mixture import Mixture
from ..tastes.taste import LearntTaste, OtherTaste
from .models import appeal, constant, cost_of_faults, deviations, nima


def kernel_values(kernels: ItemKernels, z: torch.Tensor) -> dict[str, torch.Tensor]:
    """(n,) values between one picture and the learning pictures, by name, as ``ItemKernels.against``."""
    apart, along = {}, {}
    for kind, columns in kernels.kinds.items():
        row, learnt = z[torch.tensor(columns, device=z.device)], constant(kernels.z[:, columns], z)
        products = learnt @ row
        along[kind] = products / kernels.powers[kind]
        squares = (row @ row) + (learnt * learnt).sum(dim=1)
        apart[kind] = (squares - 2 * products).clamp_min(0) / kernels.widths[kind]
    ItemKernels.join(apart)
    ItemKernels.join(along)
    values = {f"gaussian {kind}": torch.exp(-distances) for kind, distances in apart.items()}
    values |= {f"linear {kind}": products for kind, products in along.items()}
    if kernels.heads:
        cosines = {kind: constant(head(kernels.z), z) @ _directed(head, z) for kind, head in kernels.heads.items()}
        ItemKernels.join(cosines)
        for name in kernels.names:
            if name.startswith("attention "):
                values[name] = torch.exp((cosines["all"] - 1) / float(name.removeprefix("attention ")))
    return values


def _directed(head: Head, z: torch.Tensor) -> torch.Tensor:
    """(c,) the unit vector of one picture in a head of attention."""
    own = z[torch.tensor(head.columns, device=z.device)]
    rotated = own @ constant(head.rotation, z) - constant(head.mean @ head.rotation + head.centre, z)
    unit: torch.Tensor = rotated / rotated.norm().clamp_min(1e-300)
    return unit


def predicted(model: Mixture, z: torch.Tensor, priors: torch.Tensor) -> torch.Tensor:
    """Liking as ``Mixture.predict``, from (p,) deviations and (k,) prior scores; kernels over anything but items add 0."""
    liking = model.bias + priors @ constant(model.coefficients, z)
    values = kernel_values(model.kernels, z)
    for name, dual in zip(model.kernels.names, model.duals, strict=False):
        if name in values:
            liking = liking + values[name] @ constant(dual, z)
    return liking


def scaled_priors(scaling: Scaling, priors: torch.Tensor) -> torch.Tensor:
    """As ``Scaling.priors``, of (k,) prior scores."""
    scaled = (priors - constant(scaling.prior_centre, priors)) / constant(scaling.prior_scale, priors)
    return scaled.nan_to_num(0.0).clamp(-3, 3)


def fitted_liking(fitted: Fitted, items: torch.Tensor, priors: torch.Tensor) -> torch.Tensor:
    """Liking as ``Fitted``, of (p,) items and (k,) prior scores."""
    frame = fitted.scaling.frame
    z = deviations(items, frame.centre, frame.scale)
    return predicted(fitted.model, z, scaled_priors(fitted.scaling, priors))


def prior_scores(taste: LearntTaste, items: torch.Tensor) -> torch.Tensor:
    """(k,) prior scores that items tell, and NaN for the others; as ``LearntTaste.prior_scores``."""
    others = iter(taste.tastes)
    scores = []
    for name in taste.prior_names:
        if name == TECHNICAL:
            model = quality_model()
            scores.append(-cost_of_faults(model, items[columns_of("The technical score", model.names, taste.names)]))
        elif name == APPEAL:
            scores.append(appeal(items, taste.names))
        elif name == NIMA:
            scores.append(nima(items[columns_of("NIMA", ITEMS, taste.names)]))
        elif JudgeKey.of(name).kind is Kind.TASTE:
            scores.append(liking(next(others), items))
        else:
            scores.append(items.new_tensor(float("nan")))
    return torch.stack(scores) if scores else items.new_zeros(0)


def for_pixels(taste: LearntTaste) -> LearntTaste:
    """The part of a taste that scores pictures of which nothing but the pixels is known."""
    while taste.alone is not None:
        taste = taste.alone
    return taste


def liking(taste: OtherTaste, items: torch.Tensor) -> torch.Tensor:
    """Liking as ``LearntTaste.liking`` and ``Blend.liking``."""
    if isinstance(taste, Blend):
        return torch.stack(taste.shares(liking(part, items) for part in taste.parts)).sum()
    assert isinstance(taste, LearntTaste)
    own = for_pixels(taste)
    return fitted_liking(own.fitted, items, prior_scores(own, items))


def taste_score(taste: LearntTaste | Blend, items: torch.Tensor) -> torch.Tensor:
    """Score, 0 to 100, as ``LearntTaste.score`` and ``Blend.score``."""
    if isinstance(taste, Blend):
        return torch.stack(taste.shares((taste_score(part, items) for part in taste.parts), standard=False)).sum()
    slope, offset = for_pixels(taste).calibration
    return 100 * torch.sigmoid(slope * liking(taste, items) + offset)
