"""Converts the published weights of BlazeFace for ``metrics/items/faces.py``; needs tflite, and nothing of soart.

    python training/face_weights.py FOLDER metrics/items/faces.safetensors

The folder is ``mediapipe/modules/face_detection`` of MediaPipe 0.10.9 (Apache-2.0), which pip installs. The published weights
are float16, and stay so; zeros that a sparse file leaves out are put back.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

#: SHA-256 of the published files, by the network.
CONTENT = {
    "short": ("face_detection_short_range.tflite", "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8"),
    "full": (
        "face_detection_full_range_sparse.tflite",
        "2c3728e6da56f21e21a320433396fb06d40d9088f2247c05e5635a688d45dfe1",
    ),
}
#: Numbers of operations in TensorFlow Lite.
CONV, DEPTHWISE, UNPACK, WIDEN = 3, 4, 124, 6


def dense(tensor: Any, values: np.ndarray) -> np.ndarray:  # noqa: ANN401
    """The tensor of a file, with the zeros that a sparse one leaves out."""
    shape = tensor.ShapeAsNumpy()
    if (sparsity := tensor.Sparsity()) is None:
        return values.reshape(shape)
    from tflite import Uint8Vector, Uint16Vector

    # The last axis alone is sparse in these files: of each row before it, the numbers of the columns that are kept.
    last, numbers = sparsity.DimMetadata(len(shape) - 1), []
    for kind, vector in (
        (last.ArraySegmentsType(), last.ArraySegments()),
        (last.ArrayIndicesType(), last.ArrayIndices()),
    ):
        reader = {2: Uint16Vector, 3: Uint8Vector}[kind]()
        reader.Init(vector.Bytes, vector.Pos)
        numbers.append(reader.ValuesAsNumpy().astype(np.int64))
    starts, columns = numbers
    found = np.zeros((len(starts) - 1, shape[-1]), values.dtype)
    found[np.repeat(np.arange(len(found)), np.diff(starts)), columns] = values
    return found.reshape(shape)


def converted(content: bytes, network: str) -> dict[str, np.ndarray]:
    """Tensors of a network in the order of its convolutions, from the published file."""
    from tflite import Model

    model = Model.GetRootAsModel(content, 0)
    graph = model.Subgraphs(0)
    made: dict[int, int] = {}
    tensors: list[tuple[np.ndarray, np.ndarray]] = []

    def read(index: int) -> np.ndarray:
        tensor = graph.Tensors(index)
        values = model.Buffers(tensor.Buffer()).DataAsNumpy()
        return dense(tensor, values.view({0: np.float32, 1: np.float16}[tensor.Type()]))

    for place in range(graph.OperatorsLength()):
        operation = graph.Operators(place)
        code = model.OperatorCodes(operation.OpcodeIndex())
        kind, inputs = max(code.BuiltinCode(), code.DeprecatedBuiltinCode()), operation.InputsAsNumpy()
        if kind in (UNPACK, WIDEN):
            made[operation.OutputsAsNumpy()[0]] = made.get(inputs[0], inputs[0])
        if kind in (CONV, DEPTHWISE):
            weight, bias = (read(made.get(index, index)) for index in inputs[1:3])
            # (outputs, height, width, inputs), or (1, height, width, channels).
            weight = weight.transpose(3, 0, 1, 2) if kind == DEPTHWISE else weight.transpose(0, 3, 1, 2)
            tensors.append((weight, bias))
    return {
        f"{network}.{number}.{name}": np.ascontiguousarray(values)
        for number, pair in enumerate(tensors)
        for name, values in zip(("weight", "bias"), pair, strict=True)
    }


def main() -> None:
    """Convert."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="the folder of the published files")
    parser.add_argument("target", type=Path, help="the file to write")
    arguments = parser.parse_args()
    tensors: dict[str, np.ndarray] = {}
    for network, (name, digest) in CONTENT.items():
        content = (arguments.source / name).read_bytes()
        if hashlib.sha256(content).hexdigest() != digest:
            raise SystemExit(f"{name!r} is not the published file of weights: take that of MediaPipe 0.10.9.")
        tensors |= converted(content, network)
    facts = {
        "source": "https://github.com/google-ai-edge/mediapipe",
        "file": ", ".join(name for name, _ in CONTENT.values()),
        "licence": "Apache-2.0",
        "changes": "float16 as published, in PyTorch's order",
    }
    save_file(tensors, arguments.target, facts)


if __name__ == "__main__":
    main()
