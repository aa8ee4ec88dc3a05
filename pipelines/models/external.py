"""Generators whose pictures are drawn outside this process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...errors import ModelError
from .generator import ImageGenerator
from .loading import LoadedModel
from .request import EXTERNAL_GUIDANCE, EXTERNAL_STEPS, DrawnPicture, Lora, Request
from .steps import StepReport

#: Settings that an external model takes, by the names that pipelines give them.
ACCEPTS = frozenset({"prompt", "negative_prompt", "guidance_scale", "width", "height"})


class ExternalGenerator(ImageGenerator):
    """Stand-in generator for pictures drawn elsewhere: builds requests, and draws nothing by itself.

    Results are kept separately by ``name``. ``steps``, ``guidance`` and ``size`` are of choices without their own;
    ``sampler`` is the name of the one that draws requests that name none.
    """

    def __init__(
        self,
        name: str,
        steps: int = EXTERNAL_STEPS,
        guidance: float = EXTERNAL_GUIDANCE,
        size: tuple[int, int] | None = None,
        sampler: str = "",
        accepts: frozenset[str] = ACCEPTS,
    ) -> None:
        if not name.strip():
            raise ModelError("Expected a name for the model that draws, got none: results are kept separately by name.")
        super().__init__(
            LoadedModel(None, name.strip(), "", "", "none", steps, guidance, size, 1, accepts, own_sampler=sampler)
        )

    def _read(self, request: Request) -> tuple[tuple[Lora, ...], bool]:
        """Nothing: the external model reads its own syntax."""
        return (), False

    def _scheduler(self, name: str | None) -> object:
        """None: the external model checks its own schedulers."""

    def draw(self, requests: Iterable[Request], steps: StepReport | None = None) -> Iterator[list[DrawnPicture]]:
        """Refuse, because the pictures are drawn elsewhere."""
        raise ModelError(f"The pictures of {self.model.identity!r} are drawn elsewhere: ask, draw there, and tell.")

    def preview(self, requests: Iterable[Request], share: float) -> Iterator[list[DrawnPicture]]:
        """Refuse, as ``draw`` does."""
        return self.draw(requests)
