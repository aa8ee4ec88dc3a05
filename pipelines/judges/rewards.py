"""Reward models that come with packages of their own: ImageReward, HPSv2 and HPSv3.

Sources: Xu et al., "ImageReward" (2023); Wu et al., "Human preference score v2" (2023); Ma et al., "HPSv3: towards
wide-spectrum human preference score" (2025).
"""

from __future__ import annotations

import math
from importlib.metadata import version
from typing import Any

from PIL import Image

from ...errors import JudgeError, first_line
from ...metrics.protocols import Pictures, Scale

#: Modules of the packages.
_MODULES = ("hpsv2", "hpsv3", "ImageReward")


class ImageRewardJudge:
    """ImageReward's score; about −2…2, standardised over its training data."""

    scale, needs = Scale(-math.inf, math.inf, "deviations of its training data"), ("pixels", "prompt")

    def __init__(self, model: Any, name: str, version: str) -> None:  # noqa: ANN401
        self._model, self.name, self.version = model, name, version

    def values(self, pictures: Pictures) -> list[float]:
        """Scores of pictures."""
        pairs = zip(pictures.pixels(), pictures.prompts(), strict=True)
        return [float(self._model.score(prompt, Image.fromarray(pixels))) for pixels, prompt in pairs]


class Hpsv2Judge:
    """The human preference score v2, a cosine; about 0.2…0.35."""

    name, scale, needs = "hpsv2", Scale(-1.0, 1.0, "cosine"), ("pixels", "prompt")

    def __init__(self, package: Any, model: str, version: str) -> None:  # noqa: ANN401
        self._package, self._model, self.version = package, model, f"{version}-{model}"

    def values(self, pictures: Pictures) -> list[float]:
        """Scores of pictures."""
        pairs = zip(pictures.pixels(), pictures.prompts(), strict=True)
        return [
            float(self._package.score(Image.fromarray(pixels), prompt, hps_version=self._model)[0])
            for pixels, prompt in pairs
        ]


class Hpsv3Judge:
    """The human preference score v3, of a vision language model of 7 billion weights; about −5…15."""

    name, scale, needs = "hpsv3", Scale(-math.inf, math.inf), ("pixels", "prompt")

    def __init__(self, model: Any, version: str) -> None:  # noqa: ANN401
        self._model, self.version = model, version

    def values(self, pictures: Pictures) -> list[float]:
        """Scores of pictures."""
        # By name, because the order of the two was changed; the package takes pictures in place of their paths.
        images = [Image.fromarray(pixels) for pixels in pictures.pixels()]
        rewards = self._model.reward(prompts=list(pictures.prompts()), image_paths=images)
        # Each is a mean and a deviation.
        return [float(reward[0]) for reward in rewards]


def load(argument: str) -> ImageRewardJudge | Hpsv2Judge | Hpsv3Judge:
    """Load the judge ``image-reward MODEL``, ``hpsv2 VERSION`` or ``hpsv3 DEVICE``; packages fetch their weights."""
    kind, _, model = argument.partition(" ")
    try:
        if kind == "hpsv2":
            import hpsv2

            return Hpsv2Judge(hpsv2, model, version("hpsv2"))
        if kind == "hpsv3":
            from hpsv3 import HPSv3RewardInferencer

            return Hpsv3Judge(HPSv3RewardInferencer(device=model), version("hpsv3"))
        import ImageReward

        return ImageRewardJudge(
            ImageReward.load(model, device="cpu"), "image-reward", f"{version('image-reward')}-{model}"
        )
    except ImportError as error:
        if isinstance(error, ModuleNotFoundError) and error.name in _MODULES:
            raise JudgeError(f"The judge {kind} needs the package of that name: pip install {kind}.") from error
        raise JudgeError(
            f"The package {kind} cannot be imported ({first_line(error).rstrip('.')}): it may need other versions of "
            "packages than soart, see docs/judges.md."
        ) from error
