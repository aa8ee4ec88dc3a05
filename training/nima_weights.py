"""Converts the published weights of NIMA for ``metrics/items/nima.py``; needs h5py, and nothing of soart.

    python training/nima_weights.py weights_mobilenet_aesthetic_0.07.hdf5 metrics/items/nima.safetensors

The file is ``models/MobileNet/weights_mobilenet_aesthetic_0.07.hdf5`` of idealo/image-quality-assessment on GitHub
(Apache-2.0). Normalisations are folded into the convolutions before them, in double precision.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

#: SHA-256 of the published file, and what Keras adds to variances.
CONTENT = "e563ad91b3d47410e45f7238f07ab8f6abd1bd0c4b18a4b0af9c681a21a91cb2"
EPSILON = 1e-3
#: Convolutions in order.
LAYERS = ("conv1", *(f"conv_{kind}_{number}" for number in range(1, 14) for kind in ("dw", "pw")))


def converted(file: Any) -> dict[str, np.ndarray]:  # noqa: ANN401
    """Tensors of the network by name, from the open file of Keras."""

    def read(layer: str, name: str) -> np.ndarray:
        return np.asarray(file[f"{layer}/{layer}/{name}:0"], dtype=np.float64)

    tensors = {"rating.weight": read("dense_1", "kernel").T, "rating.bias": read("dense_1", "bias")}
    for number, layer in enumerate(LAYERS):
        depthwise = "_dw_" in layer
        # (height, width, inputs, outputs), or (height, width, channels, 1).
        kernel = read(layer, "depthwise_kernel" if depthwise else "kernel")
        kernel = kernel.transpose(2, 3, 0, 1) if depthwise else kernel.transpose(3, 2, 0, 1)
        norm = {name: read(f"{layer}_bn", name) for name in ("gamma", "beta", "moving_mean", "moving_variance")}
        factor = norm["gamma"] / np.sqrt(norm["moving_variance"] + EPSILON)
        tensors[f"layers.{number}.weight"] = kernel * factor[:, None, None, None]
        tensors[f"layers.{number}.bias"] = norm["beta"] - norm["moving_mean"] * factor
    return {name: np.ascontiguousarray(values, dtype=np.float32) for name, values in tensors.items()}


def main() -> None:
    """Convert."""
    import h5py

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="the published file")
    parser.add_argument("target", type=Path, help="the file to write")
    arguments = parser.parse_args()
    if hashlib.sha256(arguments.source.read_bytes()).hexdigest() != CONTENT:
        raise SystemExit(f"{str(arguments.source)!r} is not the published file of weights: take the one named above.")
    facts = {
        "source": "https://github.com/idealo/image-quality-assessment",
        "file": "models/MobileNet/weights_mobilenet_aesthetic_0.07.hdf5",
        "licence": "Apache-2.0",
        "changes": "normalisations folded into convolutions, float32 in PyTorch's order",
    }
    with h5py.File(arguments.source) as file:
        save_file(converted(file), arguments.target, facts)


if __name__ == "__main__":
    main()
