"""Generate view: draws pictures of a prompt, also those of another picture with other seeds."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ....metrics.damage.titles import JudgeKey
from ....pipelines.collection.provenance import SOART, Provenance, provenance_of
from ....pipelines.collection.queries import row_of
from ....pipelines.models.backends.address import BackendAddress
from ....pipelines.services.generation import LONGEST_SIDE, MOST_PICTURES, MOST_STEPS, Drawing
from ..answers import backend_of, for_visitor, json_endpoint, number, page, stored_judge_title, weights_of, whole_number
from ..judges import offered_choices, usual_choice
from ..state import current_collection, server_of

#: Seeds of variations begin below this.
_SEEDS = 2**31


def example_of(request: Request) -> Provenance | None:
    """Provenance of the picture that the address names by ``like``; None without one, or if nothing is known."""
    like = request.query_params.get("like")
    if not like:
        return None
    collection = current_collection(request).collection
    row = row_of(collection, whole_number(like, "a picture's number"))
    return provenance_of(collection, [row]).get(row.id)


def generate_page(request: Request) -> Response:
    """The view."""
    example, backend, judges = example_of(request), server_of(request).settings.backend, offered_choices(request)
    # Settings of another tool's model may not suit the model here.
    own = example is not None and example.tool in {SOART, *(backend.tools if backend else ())}
    return page(
        request, "generate.html", current_collection(request), view="generate", example=example, own=own,
        sampler=_sampler(example, backend) if example and backend else "",
        seed=secrets.randbelow(_SEEDS) if example else 0,
        judges=judges, chosen=usual_choice(request, judges), most=MOST_PICTURES, longest=LONGEST_SIDE, steps=MOST_STEPS,
    )  # fmt: skip


def _sampler(example: Provenance, backend: BackendAddress) -> str:
    """Sampler and scheduler of a picture that the kind of backend made itself, as it takes them; empty for others."""
    made_there = example.tool in backend.tools or (example.model or "").startswith(f"{backend.kind}:")
    return " ".join(filter(None, (example.sampler, example.scheduler))) if made_there else ""


def _optional(body: dict[str, Any], name: str) -> int | None:
    value = body.get(name)
    return None if value in (None, "") else whole_number(value, name)


def drawing_of(body: dict[str, Any]) -> Drawing:
    """The drawing that the fields of the form describe."""
    guidance = body.get("guidance")
    scale = None if guidance in (None, "") else number(guidance, "guidance")
    settings = {name: _optional(body, name) for name in ("steps", "width", "height")}
    return Drawing(
        prompt=str(body.get("prompt", "")),
        count=whole_number(body.get("count", 8), "a number of pictures"),
        seed=whole_number(body.get("seed", 0), "a seed"),
        literal=body.get("template") is not True,
        settings={
            **settings,
            "guidance": scale,
            "negative": str(body.get("negative") or "") or None,
            "scheduler": str(body.get("sampler") or "").strip() or None,
        },
        by=weights_of(body.get("by")),
    )


def start(request: Request, body: dict[str, Any]) -> Response:
    """Start drawing."""
    current_collection(request).generation.start(drawing_of(body))
    return state(request)


def state(request: Request) -> Response:
    """The state of the latest drawing."""
    progress = current_collection(request).generation.progress()
    return JSONResponse(
        asdict(progress)
        | {
            "message": for_visitor(request, progress.message),
            "doing": for_visitor(request, progress.doing),
            "backend": backend_of(request),
            "judges": [stored_judge_title(name) for name in progress.judges],
            "points": len(progress.judges) == 1 and all(JudgeKey.of(name).points for name in progress.judges),
        }
    )


routes = [
    Route("/generate", generate_page),
    Route("/api/generate", state),
    Route("/api/generate", json_endpoint(start), methods=["POST"]),
]
