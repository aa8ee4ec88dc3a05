"""The LAION aesthetic predictors: a small head on the embeddings of CLIP (v2) or SigLIP (v2.5).

Sources: C. Schuhmann, "Improved aesthetic predictor" (2022); discus0434, "Aesthetic predictor v2.5" (2024).
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from ...errors import JudgeError, first_line
from ...files import from_home, read_regular
from ...metrics.items.deep import DeepExtractor
from ...metrics.protocols import Extractor, Pictures, Scale

#: Hub id of the picture tower by the width of the head's input: of v2, and of v2.5.
TOWERS = {768: "openai/clip-vit-large-patch14", 1152: "google/siglip-so400m-patch14-384"}
#: Most bytes of the file of a head, which has a few megabytes.
MOST_HEAD = 1 << 28
#: Values are trained on ratings 1…10, and a linear head may go beyond them.
SCALE = Scale(-100.0, 100.0, "mean rating of 1 to 10")


class AestheticJudge:
    """Predicts the mean aesthetic rating, about 1…10, by the weights (out, in) and biases (out,) of a head."""

    scale, needs = SCALE, ("items",)

    def __init__(self, extractor: DeepExtractor, layers: Sequence[tuple[np.ndarray, np.ndarray]], name: str) -> None:
        self._extractor, self._layers, self.name = extractor, layers, name[-64:].strip()
        digest = hashlib.sha256(extractor.version.encode())
        for weight, bias in layers:
            digest.update(weight.tobytes() + bias.tobytes())
        self.version = digest.hexdigest()[:12]

    @property
    def extractor(self) -> Extractor:
        """The picture tower; its embeddings are stored as items, so that a picture is decoded once."""
        return self._extractor

    def values(self, pictures: Pictures) -> np.ndarray:
        """(n,) values of pictures."""
        values = pictures.items(self.extractor)
        # Both heads are stacks of linear layers; their dropout is for training.
        for weight, bias in self._layers:
            values = values @ weight.T + bias
        return values[:, 0]


def load(argument: str) -> AestheticJudge:
    """Load the judge for ``HEAD`` or ``HEAD,TOWER``: a file of weights, and a hub id or folder of the picture tower."""
    head, _, tower = argument.partition(",")
    layers = read_head(from_home(head))
    width = layers[0][0].shape[1]
    if not tower and width not in TOWERS:
        raise JudgeError(
            f"The head {head!r} takes embeddings of {width} numbers: name their model, aesthetic:HEAD,MODEL."
        )
    extractor = DeepExtractor.load(tower or TOWERS[width])
    if len(extractor.names) != width:
        raise JudgeError(
            f"The head {head!r} takes embeddings of {width} numbers, but {tower or TOWERS[width]!r} gives "
            f"{len(extractor.names)}: name the model that it was trained on."
        )
    return AestheticJudge(extractor, layers, f"aesthetic:{Path(head).stem}")


def read_head(path: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weights (out, in) and biases (out,) of a head's linear layers, from ``.pth`` or ``.safetensors``."""
    if not path.is_file():
        raise JudgeError(f"There is no file {str(path)!r}: download the weights of the aesthetic predictor first.")
    try:
        content = read_regular(path, most=MOST_HEAD)
        if path.suffix == ".safetensors":
            from safetensors.torch import load as loaded

            tensors = loaded(content)
        else:
            tensors = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        names = [name.removesuffix(".weight") for name, tensor in tensors.items() if name.endswith(".weight")]
        names.sort(key=lambda name: [int(part) if part.isdecimal() else 0 for part in name.split(".")])
        layers = [
            (tensors[f"{name}.weight"].double().numpy(), tensors[f"{name}.bias"].double().numpy()) for name in names
        ]
    # A damaged file raises errors of nearly any kind.
    except Exception as error:
        raise JudgeError(f"{str(path)!r} cannot be read as an aesthetic predictor: {first_line(error)}.") from error
    chained = all(a[0].shape[0] == b[0].shape[1] for a, b in pairwise(layers))
    if not layers or not chained or layers[-1][0].shape[0] != 1:
        raise JudgeError(f"{str(path)!r} is not an aesthetic predictor: expected linear layers that end in one number.")
    return layers
