"""Any no-reference metric of the package pyiqa (MUSIQ, MANIQA, TOPIQ, NIQE, BRISQUE…), by name."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from ...errors import JudgeError
from ...metrics.protocols import Pictures, Scale


class PyiqaJudge:
    """A metric of pyiqa."""

    scale = Scale(-math.inf, math.inf)

    def __init__(self, metric: Any, name: str, version: str) -> None:  # noqa: ANN401
        self._metric, self.name, self.version = metric, f"pyiqa:{name}", f"pyiqa-{version}"
        self._sign = -1.0 if metric.lower_better else 1.0
        self._with_prompt = name.startswith("clipscore")
        self.needs = ("pixels", "prompt") if self._with_prompt else ("pixels",)

    @torch.inference_mode()
    def values(self, pictures: Pictures) -> list[float]:
        """Values of pictures, one at a time, because their sizes differ; those of which less is better change their sign."""
        values = []
        for pixels, prompt in zip(pictures.pixels(), pictures.prompts(), strict=True):
            tensor = torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None].float() / 255
            extra = {"caption_list": [prompt]} if self._with_prompt else {}
            values.append(self._sign * float(self._metric(tensor, **extra)))
        return values


def load(argument: str) -> PyiqaJudge:
    """Load the judge for the name of a metric."""
    try:
        import pyiqa
    except ImportError as error:
        raise JudgeError(
            "The judge pyiqa needs the package of that name: pip install pyiqa (its licence forbids commercial use)."
        ) from error
    if argument not in pyiqa.list_models():
        raise JudgeError(f"pyiqa has no metric {argument!r}: see pyiqa.list_models().")
    metric = pyiqa.create_metric(argument, device="cpu", as_loss=False)
    if metric.metric_mode != "NR":
        raise JudgeError(f"The metric {argument!r} compares with a reference picture: name one that needs none.")
    return PyiqaJudge(metric, argument, pyiqa.__version__)
