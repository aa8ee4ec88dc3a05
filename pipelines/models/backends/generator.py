"""Draws with a program that runs elsewhere, such as Automatic1111's web UI or ComfyUI."""

from __future__ import annotations

import logging
import re
import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from pathlib import PureWindowsPath
from typing import Any

from ....errors import ImageError, ModelError, first_line
from ....metrics.image import read_image
from ..external import ExternalGenerator
from ..loading import LoadedModel
from ..request import DrawnPicture, Request, problem_of
from ..steps import StepReport
from .http import BackendClient

log = logging.getLogger(__name__)

#: Seconds between two questions how far a picture is.
ASK_SECONDS = 0.5

#: First bytes of a JPEG.
JPEG = b"\xff\xd8\xff"
_HASH = re.compile(r"\s*\[[0-9a-fA-F]+\]$")
_SUFFIX = re.compile(r"\.(safetensors|ckpt|gguf|pt|sft)$", re.IGNORECASE)


class BackendGenerator(ExternalGenerator):
    """An ``ImageGenerator`` whose pictures a running backend draws, one at a time.

    The picture of a request is drawn with the checkpoint that was chosen when the backend was opened, whose name for
    people is ``checkpoint``. Word weights and LoRAs in prompts are the backend's own.
    """

    def __init__(self, client: BackendClient, described: LoadedModel, checkpoint: str) -> None:
        super().__init__(
            described.identity,
            described.steps,
            described.guidance,
            described.size,
            described.own_sampler,
            described.accepts,
        )
        self.client, self.checkpoint = client, checkpoint
        self._lossy = False
        self._report: StepReport | None = None

    outside = True

    #: How pictures come without losses, the end of a sentence.
    png_advice = "save PNGs in the workflow"

    @property
    def title(self) -> str:
        """Name and place of the backend, and its model, such as ``ComfyUI at 127.0.0.1:8188, model dreamy``."""
        return f"{self.client.address.title}, model {self.checkpoint}"

    def draw(self, requests: Iterable[Request], steps: StepReport | None = None) -> Iterator[list[DrawnPicture]]:
        """Draw ``requests`` in order; yields each picture as soon as it is there.

        ``steps`` is told now and then how far a picture is; what its caller raises ends the picture there too.
        ModelError: the backend cannot be reached, refuses a request, fails, or sends something else than a picture.
        """
        for request in requests:
            started = time.perf_counter()
            self._report = steps
            try:
                content = self._draw(request)
            finally:
                self.doing = ""
            self._warn_if_lossy(content)
            try:
                pixels = read_image(content, label=f"picture of seed {request.seed}").pixels
            except ImageError as error:
                raise ModelError(
                    f"{self.client.address.title} sent something else than a picture: {first_line(error)}."
                ) from error
            seconds = time.perf_counter() - started
            self.pipeline_seconds += seconds
            yield [DrawnPicture(request, pixels, problem_of(pixels / 255), seconds)]

    def _warn_if_lossy(self, content: bytes) -> None:
        """Warn of the first picture that is a JPEG, whose losses look like damage."""
        if content.startswith(JPEG) and not self._lossy:
            self._lossy = True
            log.warning("%s sends JPEGs, whose losses count as damage: %s.", self.client.address.title, self.png_advice)

    def _tell(self, number: int = 0, total: int = 0) -> None:
        """Tell whoever waits for the picture how far it is; 0 of 0 if that is not known."""
        self.doing = f"step {number} of {total}" if total else ""
        if self._report is not None:
            self._report.tell(number, total)

    def _beside(self, work: Callable[[], Any], look: Callable[[], None], stop: Callable[[], None]) -> Any:  # noqa: ANN401
        """Do work in a thread; ``look`` each ``ASK_SECONDS``: what it raises, and Ctrl-C, end the wait after a ``stop``."""
        future: Future[Any] = Future()

        def run() -> None:
            try:
                future.set_result(work())
            # It is raised again where the result is asked for.
            except BaseException as error:
                future.set_exception(error)

        threading.Thread(target=run, daemon=True).start()
        try:
            while not wait([future], ASK_SECONDS).done:
                look()
        except BaseException:
            stop()
            raise
        return future.result()

    @abstractmethod
    def _draw(self, request: Request) -> bytes:
        """The file of the picture of a request."""

    def _failed(self, reason: str) -> ModelError:
        """The error for a picture that the backend could not draw."""
        return ModelError(f"{self.client.address.title} failed: {reason}. What was drawn before is kept.")

    def _out_of_memory(self) -> ModelError:
        return ModelError(
            f"{self.client.address.title} does not have enough memory for a picture: choose a smaller size, or start it "
            "with one of its options for little memory. What was drawn before is kept."
        )


def stem(name: str) -> str:
    r"""The name of a checkpoint without folder, suffix and hash.

    >>> from soart.pipelines.models.backends.generator import stem
    >>> stem("SDXL\\dreamy_v2.1.safetensors [0123456789]")
    'dreamy_v2.1'
    """
    return _SUFFIX.sub("", PureWindowsPath(_HASH.sub("", name)).name)
