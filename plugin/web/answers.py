"""Responses of the server: pages from templates, JSON, and error messages."""

from __future__ import annotations

import json
import math
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from ...errors import ImageError, MissingPictureError, SoartError
from ...files import from_home
from ...metrics.damage.names import JUDGE, PERSON
from ...metrics.damage.titles import CAUTION, JudgeKey, damage_noun, model_title, stored_title, title_of
from ...pipelines.collection.database import is_outage
from ...pipelines.ingest.roots import check_allowed
from ...pipelines.reports.page import TEMPLATES, shown
from ...pipelines.services.judge_choices import MODEL, JudgeChoice
from ...pipelines.support.background import start_as
from ...pipelines.support.figures import decimals_of, figure, figures, fixed, plain_figure
from ...pipelines.support.wording import counted
from ...version import __version__
from .sessions import csrf_token_of
from .state import ForbiddenError, NotFoundError, OpenCollection, check_owner, is_owner, rater_of, server_of

HERE = Path(__file__).parent
#: Views of a collection: title, and its parts by address; the first part opens it.
VIEWS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("Gallery", (("gallery", "Gallery"),)),
    ("Rate", (("rate", "One by one"), ("start", "Quick start"), ("compare", "Compare"))),
    ("Draw", (("generate", "Generate"), ("tune", "Tune"))),
    ("Taste", (("taste", "Taste"),)),
    ("Evaluate", (("evaluate", "Findings"), ("keepers", "Keepers"))),
)
#: Titles of pages, and the view with its parts, by address.
TITLES = {key: title if key == parts[0][0] else name for title, parts in VIEWS for key, name in parts}
TITLES["collections"] = "Collections"
VIEW_OF = {key: (title, parts) for title, parts in VIEWS for key, _ in parts}
#: Titles of settings of pictures by name; other names are shown as they are.
SETTINGS = {"size": "Size when drawn", "model hash": "Model hash"}
#: An absolute path or the address of a database, quoted as ``repr`` does.
_PATH = re.compile(
    r"""(['"])(?P<start>/|\\\\|[A-Za-z]:[\\/]|\w[\w+.-]*://[^/'"]*)(?P<rest>(?:\\.|(?!\1)[^\\])*)\1""", re.DOTALL
)
#: Most values of a request's JSON, commas in its texts included, and most levels of it; pages and programs need three.
MOST_VALUES, MOST_LEVELS = 200_000, 10
#: Bits of the numbers that databases hold, without the sign.
_BITS = 63


class _NumberConvertor(Convertor[int]):
    """A number in an address that every database holds; longer ones are no address."""

    regex = "[0-9]{1,18}"

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


register_url_convertor("number", _NumberConvertor())
_templates = Environment(
    loader=FileSystemLoader([HERE / "templates", TEMPLATES]),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
    finalize=shown,
)


def _reason(reason: str, low: str) -> str:
    """The reason of a move in words; ``low`` are those for a low score."""
    return low if reason == "low" else damage_noun(reason)


def _person(name: str) -> str:
    """The title of a person as a judge; empty for other judges."""
    person = name.removeprefix(PERSON)
    return "" if person == name else f"person: {person}"


def judge_title(name: str, *, model: bool = False) -> str:
    """The title of a judge by its name, as for ``--by``, or by a stored name; ``model`` for that of an offered model."""
    if model or name.startswith(JUDGE):
        return model_title(name)
    return _person(name) or title_of(name)


def stored_judge_title(name: str) -> str:
    """The title of a judge by the name that its values are stored under."""
    return model_title(name) if name.startswith(JUDGE) else _person(name) or stored_title(name)


def _choice_title(choice: JudgeChoice) -> str:
    return judge_title(choice.name, model=choice.kind == MODEL)


def _score(value: float, stored: str) -> str:
    """A value of a judge: points with one decimal, others with three digits."""
    return fixed(value, 1) if JudgeKey.of(stored).points else figure(value)


def _local(form: str, time: datetime) -> Markup:
    """A time as HTML: in the zone of the server, and by a script in that of the browser, in the same form."""
    local = time.astimezone()
    text = f"{local:%Y-%m-%d %H:%M}"[: len(form)]
    stamp = f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return Markup('<time datetime="{}" data-form="{}">{}</time>').format(stamp, form, text)


_templates.filters.update(
    judge=judge_title,
    stored=stored_judge_title,
    choice=_choice_title,
    model=model_title,
    score=_score,
    damage=damage_noun,
    reason=_reason,
    setting=lambda name: SETTINGS.get(name, name),
    figure=figure,
    figures=figures,
    decimals=fixed,
    fixed=fixed,
    decimals_of=decimals_of,
    day=partial(_local, "YYYY-MM-DD"),
    minute=partial(_local, "YYYY-MM-DD hh:mm"),
    # As the fields of forms need it.
    number=plain_figure,
)
_templates.tests["model"] = lambda name: name.startswith(JUDGE)
_templates.globals.update(
    caution=CAUTION,
    counted=counted,
    finite=math.isfinite,
    version=__version__,
    views=VIEWS,
    titles=TITLES,
    view_of=VIEW_OF,
)


def without_paths(text: str) -> str:
    """A message with the names of files and databases instead of their quoted paths and addresses."""

    def named(path: re.Match[str]) -> str:
        rest = path["rest"].split("?")[0] if "://" in path["start"] else path["rest"]
        name = re.split(r"[/\\]+", rest.rstrip("/\\"))[-1]
        return f"{path[1]}{name}{path[1]}"

    return _PATH.sub(named, text)


def for_visitor(request: Request, text: str) -> str:
    """A message as a visitor may see it: for guests without paths of files and databases, and addresses of backends."""
    if is_owner(request):
        return text
    backend = server_of(request).settings.backend
    return without_paths(text.replace(backend.title, backend.name) if backend else text)


def backend_of(request: Request) -> str:
    """The running backend in words, with its model once known, and for guests without its address; empty without one."""
    server = server_of(request)
    backend, model = server.settings.backend, server.backend_model
    if backend is None:
        return ""
    named = backend.title if is_owner(request) else backend.name
    return f"{named}, model {model}" if model else named


def page(
    request: Request,
    template: str,
    current: OpenCollection | None = None,
    status: int = 200,
    **values: Any,  # noqa: ANN401
) -> HTMLResponse:
    """A page, or a part of one, from a template with its values; ``current`` is None for one without a collection."""
    server = server_of(request)
    text = _templates.get_template(template).render(
        current=current,
        base=current.base if current else "",
        several=len(server.collections) > 1,
        rater=rater_of(request),
        csrf=csrf_token_of(request.session),
        owner=is_owner(request),
        backend=backend_of(request),
        shown=partial(for_visitor, request),
        let_in="role" in request.session,
        **{"view": "", **values},
    )
    return HTMLResponse(text, status)


def finite(value: float | None) -> float | None:
    """The number, or None if it is infinite or NaN."""
    return value if value is not None and math.isfinite(value) else None


async def json_body(request: Request) -> dict[str, Any]:
    """The JSON object of a request, parsed in a thread."""
    try:
        content = await request.body()
    except ClientDisconnect:
        content = b""
    return await run_in_threadpool(json_object, content)


def json_object(content: bytes) -> dict[str, Any]:
    """The JSON object in the body of a request; one with too many values, or nested too deeply, is refused."""
    # Counted before, because nothing else runs while Python parses.
    if sum(map(content.count, (b"[", b"{", b","))) > MOST_VALUES:
        raise SoartError(f"The request has too many values: send at most {MOST_VALUES}.")
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise SoartError("Expected a JSON object in the request.")
    inner: list[object] = [body]
    for _ in range(MOST_LEVELS):
        inner = [
            value
            for one in inner
            if isinstance(one, list | dict)
            for value in (one.values() if isinstance(one, dict) else one)
        ]
    if inner:
        raise SoartError(f"The request is nested too deeply: send at most {MOST_LEVELS} levels.")
    return body


def json_endpoint(
    work: Callable[[Request, dict[str, Any]], Response], *, owner: bool = False
) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that takes a JSON object; its work runs in a thread, and jobs of guests bear their rater's name."""

    async def endpoint(request: Request) -> Response:
        if owner:
            check_owner(request)
        start_as("" if is_owner(request) else rater_of(request))
        return await run_in_threadpool(work, request, await json_body(request))

    return endpoint


def reading(work: Callable[[Request], Response]) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint whose work, in a thread, reads files of pictures; of these requests only some are answered at once."""

    async def endpoint(request: Request) -> Response:
        async with server_of(request).reading:
            return await run_in_threadpool(work, request)

    return endpoint


async def read_in_turn(request: Request, pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Pieces of a response that are read from files of pictures, each in turn with the requests of ``reading``."""
    while True:
        async with server_of(request).reading:
            piece = await run_in_threadpool(next, pieces, None)
        if piece is None:
            return
        yield piece


def whole_number(value: object, name: str) -> int:
    """A whole number of a request, of at most 64 bits; ``name`` is for the message."""
    try:
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            raise ValueError
        number = int(value)
        if not -(2**_BITS) <= number < 2**_BITS:
            raise ValueError
        return number
    except ValueError:
        raise SoartError(f"Expected a whole number as {name}, got {str(value)[:40]!r}.") from None


def number(value: object, name: str) -> float:
    """A number of a request, infinite and NaN included; ``name`` is for the message."""
    try:
        return float(str(value))
    except ValueError:
        raise SoartError(f"Expected a number as {name}, got {str(value)[:40]!r}.") from None


def weights_of(value: object) -> dict[str, float]:
    """Weights by name; empty if the request has none."""
    if not isinstance(value, dict):
        return {}
    try:
        return {str(name): float(weight) for name, weight in value.items()}
    except (TypeError, ValueError, OverflowError):
        raise SoartError("Expected a number as every judge's weight.") from None


def whole_numbers(text: str, name: str) -> list[int]:
    """Whole numbers separated by commas."""
    return [whole_number(value, name) for value in text.split(",") if value]


def folders_of(current: OpenCollection, text: str) -> list[Path]:
    """Existing folders that a request names, one a line, without repetitions; only those that it may name."""
    lines = dict.fromkeys(line.strip() for line in text.splitlines())
    folders = []
    for line in filter(None, lines):
        try:
            folder = from_home(line).absolute()
            check_allowed([folder], current.allowed)
            exists = folder.is_dir()
        except (OSError, RuntimeError, ValueError):
            # Such as a name that no file can have, or the home of nobody.
            folder, exists = Path(line), False
        if not exists:
            raise SoartError(f"There is no folder {str(folder)[:200]!r}: name one folder a line.")
        folders.append(folder)
    return folders


def status_of(error: SoartError) -> int:
    """HTTP status of an error: 403 or 404 for what is forbidden or missing, 503 if a later try may work, else 400."""
    if isinstance(error, ForbiddenError):
        return 403
    if isinstance(error, (NotFoundError, MissingPictureError, ImageError)):
        return 404
    return 503 if is_outage(error) else 400


def error_response(request: Request, status: int, message: str) -> Response:
    """An error message: a page for people, JSON for scripts."""
    if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
        return page(request, "error.html", status=status, message=message)
    return JSONResponse({"error": message}, status)


async def on_error(request: Request, error: Exception) -> Response:
    """Answer an expected error."""
    assert isinstance(error, SoartError)
    return error_response(request, status_of(error), for_visitor(request, str(error)))


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answer a request that the router refuses."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    known = {404: "Page not found.", 405: "This address does not accept that method."}
    text = known.get(status, "This request cannot be answered.")
    return error_response(request, status, for_visitor(request, text))


async def on_failure(request: Request, error: Exception) -> Response:
    """Answer an unexpected failure; its details are in the server's log."""
    text = f"The server failed unexpectedly ({type(error).__name__}): see its log."
    return JSONResponse({"error": for_visitor(request, text)}, 500)
