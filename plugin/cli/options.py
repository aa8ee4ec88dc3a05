"""Options that several commands share, and the model they name."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .terminal import err

if TYPE_CHECKING:
    from ...pipelines.models.generator import ImageGenerator


# A collection is text, not a Path, which would eat a slash of a URL.
Store = Annotated[
    str,
    typer.Option(
        "--collection",
        metavar="FOLDER|URL",
        help="Where pictures, prompts, scores and ratings are kept: a folder, or a database such as postgresql://user@host/db.",
    ),
]
Kept = Annotated[
    str, typer.Argument(metavar="COLLECTION", help="A collection: its folder, or the URL of its database.")
]
Pictures = Annotated[
    list[str],
    typer.Argument(metavar="PATHS...", help="Pictures, folders of pictures, or a collection (folder or URL)."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
Model = Annotated[
    str | None,
    typer.Option("--model", help="Hub id, diffusers folder, or .safetensors/.ckpt file; default: the embedded model."),
]
ModelConfig = Annotated[
    Path | None,
    typer.Option("--model-config", help="Diffusers folder that describes a single-file model, for use offline."),
]
Device = Annotated[
    str | None, typer.Option("--device", help="cuda, cuda:1, xpu, mps or cpu; default: the best there is.")
]
Dtype = Annotated[str | None, typer.Option("--dtype", help="float32, float16 or bfloat16; default: by device.")]
Offload = Annotated[
    str, typer.Option("--offload", help="auto, none, model or sequential: keep weights off the accelerator.")
]
BatchSize = Annotated[
    int | None,
    typer.Option("--batch-size", min=1, help="Pictures drawn together; halved when memory runs out."),
]
Wildcards = Annotated[Path | None, typer.Option("--wildcards", help="Folder of your own NAME.txt wildcard files.")]

Engine = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="local|ray",
        help="Where it runs: here, or on the Ray cluster at RAY_ADDRESS (docs/cluster.md).",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers", min=1, help="With --engine ray: how many workers draw; default: one for each GPU, or node without."
    ),
]


def load_generator(
    model: str | None = None,
    batch_size: int | None = None,
    *,
    config: Path | None = None,
    device: str | None = None,
    dtype: str | None = None,
    offload: str = "auto",
    engine: str = "local",
    workers: int | None = None,
) -> ImageGenerator:
    """The model that the options name, ready to draw; to be closed when a cluster draws."""
    from ...pipelines.models.options import GeneratorOptions, open_generator

    with err.status("loading the model…") if sys.stderr.isatty() else nullcontext():
        return open_generator(GeneratorOptions(model, config, device, dtype, offload, engine, workers, batch_size))


Report = Annotated[Path | None, typer.Option("--report", help="Write the ranking as an HTML page to this file.")]
