"""More of what I like: optimizes a picture, or that of a prompt, in the background, and shows the result beside its start."""

from __future__ import annotations

import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ....metrics.damage.names import OVERALL
from ....pipelines.models.limits import SEED_LIMIT, STRENGTHS
from ....pipelines.services.optimizing import FEWEST_SECONDS, MOST_SECONDS, Wish
from ..answers import json_endpoint, number, page, reading, whole_number
from ..judges import offered_choices, usual_choice
from ..state import current_collection
from .generating import drawing_of


def form(request: Request) -> Response:
    """The form, as part of a page."""
    parameters, judges = request.query_params, offered_choices(request)
    image, collection = parameters.get("image"), current_collection(request)
    number_of = whole_number(image, "a picture's number") if image else None
    return page(
        request, "optimize.html", collection, judges=judges, chosen=usual_choice(request, judges), image=number_of, fewest=FEWEST_SECONDS,
        most=MOST_SECONDS, strengths=STRENGTHS, strength=collection.optimizing.strength_of(number_of) if number_of else None,
    )  # fmt: skip


def start(request: Request, body: dict[str, Any]) -> Response:
    """Start optimizing a picture, or that of the prompt of a form."""
    image, strength = body.get("image"), body.get("strength")
    wish = Wish(
        by=str(body.get("judge") or OVERALL),
        like=whole_number(image, "a picture's number") if image else None,
        drawing=None if image else drawing_of({**body, "by": None, "count": 1}),
        seconds=number(body.get("seconds", 60), "seconds"),
        seed=secrets.randbelow(SEED_LIMIT),
        strength=number(strength, "strength") if image and strength else None,
    )
    job = current_collection(request).optimizing.start(wish)
    return JSONResponse({"job": job.number})


def result(request: Request) -> Response:
    """The latest result, as part of a page."""
    service = current_collection(request).optimizing
    found, judge = service.latest or (None, None)
    return page(
        request, "optimized.html", current_collection(request), found=found, judge=judge, failure=service.failure
    )


routes = [
    Route("/optimize", reading(form)),
    Route("/optimized", result),
    Route("/api/optimize", json_endpoint(start), methods=["POST"]),
]
