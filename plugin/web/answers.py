"""Responses of the server: pages from templates, JSON, and error messages."""

from __future__ import annotations

import json
import math
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from starlette.concurrency import run_in_threadpool
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from ...errors import ImageError, MissingPictureError, SoartError
from ...files import from_home
from ...messages import with_values
from ...metrics.damage.names import JUDGE, PERSON
from ...metrics.damage.titles import CAUTION, damage_noun, has_points, model_title, stored_title, title_of
from ...pipelines.collection.database import is_outage
from ...pipelines.ingest.roots import check_allowed
from ...pipelines.reports.page import TEMPLATES, shown
from ...pipelines.services.judge_choices import MODEL, JudgeChoice
from ...pipelines.support.background import start_as
from ...pipelines.support.figures import decimals_of, plain_figure
from ...version import __version__
from .language import Texts, languages, texts_of
from .sessions import csrf_token_of
from .state import ForbiddenError, NotFoundError, OpenCollection, check_owner, is_owner, rater_of, server_of

HERE = Path(__file__).parent
#: Views of a collection: address and title.
VIEWS = (
    ("start", "Quick start"),
    ("gallery", "Gallery"),
    ("rate", "Rate"),
    ("compare", "Compare"),
    ("keepers", "Keepers"),
    ("generate", "Generate"),
    ("tune", "Tune"),
    ("taste", "Taste"),
    ("evaluate", "Evaluate"),
)
#: Titles of pages by view.
TITLES = dict((*VIEWS, ("collections", "Collections")))
#: Titles of settings of pictures by name; the settings of other tools have many more names, which are shown as they are.
SETTINGS = {
    "Negative": "Negative", "Seed": "Seed", "Steps": "Steps", "Guidance": "Guidance",
    "Sampler": "Sampler", "Scheduler": "Scheduler", "Model": "Model", "Size": "Size",
    "size": "Size when drawn", "model hash": "Model hash",
}  # fmt: skip
#: Reasons to move pictures away, beside damages.
_MOVED = {
    "duplicates": "duplicates", "outliers": "outliers", "others": "others",
    "selected": "selected",
}  # fmt: skip
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


def _in_language(make: Callable[..., str | list[str]]) -> Callable[..., str | list[str]]:
    """A filter that gets the texts of the page before its value."""

    @pass_context
    def filtered(context: Context, *values: Any) -> str | list[str]:  # noqa: ANN401
        return make(context["texts"], *values)

    return filtered


def _reason(texts: Texts, reason: str, low: str) -> str:
    """The reason of a move in words; ``low`` are those for a low score."""
    return low if reason == "low" else texts.message(_MOVED.get(reason, damage_noun(reason)))


def _person(texts: Texts, name: str) -> str:
    """The title of a person as a judge; empty for other judges."""
    person = name.removeprefix(PERSON)
    return "" if person == name else texts.plain("person: %(name)s", name=person)


def judge_title(texts: Texts, name: str, *, model: bool = False) -> str:
    """The title of a judge by its name.

    Args:
        texts: of the page.
        name: as for ``--by``, or the stored name of a model.
        model: True for the label of an offered model.
    """
    if model or name.startswith(JUDGE):
        return texts.message(model_title(name))
    return _person(texts, name) or texts.message(title_of(name))


def stored_judge_title(texts: Texts, name: str) -> str:
    """The title of a judge by the name that its values are stored under."""
    if name.startswith(JUDGE):
        return texts.message(model_title(name))
    return _person(texts, name) or texts.message(stored_title(name))


def _choice_title(texts: Texts, choice: JudgeChoice) -> str:
    return judge_title(texts, choice.name, model=choice.kind == MODEL)


def _score(texts: Texts, value: float, stored: str) -> str:
    """A value of a judge: points with one decimal, others with three digits."""
    return texts.decimals(value, 1) if has_points(stored) else texts.figure(value)


_templates.filters.update(
    judge=_in_language(judge_title),
    stored=_in_language(stored_judge_title),
    choice=_in_language(_choice_title),
    model=_in_language(lambda texts, name: texts.message(model_title(name))),
    score=_in_language(_score),
    damage=_in_language(lambda texts, damage: texts.message(damage_noun(damage))),
    reason=_in_language(_reason),
    setting=_in_language(lambda texts, name: texts.plain(SETTINGS[name]) if name in SETTINGS else name),
    figure=_in_language(Texts.figure),
    figures=_in_language(Texts.figures),
    decimals=_in_language(Texts.decimals),
    decimals_of=decimals_of,
    day=_in_language(Texts.day),
    minute=_in_language(Texts.minute),
    # As the fields of forms need it.
    number=plain_figure,
)
_templates.tests["model"] = lambda name: name.startswith(JUDGE)
_templates.globals.update(caution=CAUTION, finite=math.isfinite, version=__version__, views=VIEWS, titles=TITLES)


def without_paths(text: str) -> str:
    """A message with the names of files and databases instead of their quoted paths and addresses."""

    def named(path: re.Match[str]) -> str:
        rest = path["rest"].split("?")[0] if "://" in path["start"] else path["rest"]
        name = re.split(r"[/\\]+", rest.rstrip("/\\"))[-1]
        return f"{path[1]}{name}{path[1]}"

    return _PATH.sub(named, text)


def for_visitor(request: Request, text: str) -> str:
    """A message as a visitor may see it, in the visitor's language.

    For guests, files and databases are named without their paths, and a running backend without its address.
    """
    if not is_owner(request):
        backend = server_of(request).settings.backend
        text = with_values(
            text, lambda part: without_paths(part.replace(backend.title, backend.name) if backend else part)
        )
    return texts_of(request).message(text)


def backend_of(request: Request) -> str:
    """The running backend that draws, in words, with its model as soon as that is known; empty for a model in this process.

    Guests are not told its address.
    """
    server = server_of(request)
    backend, model = server.settings.backend, server.backend_model
    if backend is None:
        return ""
    named = backend.title if is_owner(request) else backend.name
    return texts_of(request).plain("%(backend)s, model %(model)s", backend=named, model=model) if model else named


def page(
    request: Request,
    template: str,
    current: OpenCollection | None = None,
    status: int = 200,
    **values: Any,  # noqa: ANN401
) -> HTMLResponse:
    """A page, or a part of one.

    Args:
        request: the request to answer.
        template: file name of the template.
        current: the collection of the page; None for a page without one.
        status: HTTP status.
        values: variables of the template.
    """
    server, texts = server_of(request), texts_of(request)
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
        texts=texts,
        _=texts.gettext,
        ngettext=texts.ngettext,
        pgettext=texts.pgettext,
        language=texts.language,
        languages=languages(),
        chosen_language=request.session.get("language", ""),
        **{"view": "", **values},
    )
    return HTMLResponse(text, status)


def finite(value: float | None) -> float | None:
    """The number, or None if it is infinite or NaN."""
    return value if value is not None and math.isfinite(value) else None


async def json_body(request: Request) -> dict[str, Any]:
    """The JSON object of a request, parsed in a thread.

    Raises:
        SoartError: as for ``json_object``.
    """
    try:
        content = await request.body()
    except ClientDisconnect:
        content = b""
    return await run_in_threadpool(json_object, content)


def json_object(content: bytes) -> dict[str, Any]:
    """The JSON object in the body of a request.

    Raises:
        SoartError: it is none, has too many values, or is nested too deeply.
    """
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
    """An endpoint that takes a JSON object; its work runs in a thread, and jobs of guests bear their rater's name.

    Args:
        work: answers the request with its JSON object.
        owner: refuse everybody but the owner.
    """

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
    """A whole number of a request.

    Args:
        value: an integer or its text.
        name: of the value, for the message.

    Raises:
        SoartError: the value is not a whole number, or has more than 64 bits.
    """
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
    """A number of a request, infinite and NaN included.

    Args:
        value: a number or its text.
        name: of the value, for the message.

    Raises:
        SoartError: the value is not a number.
    """
    try:
        return float(str(value))
    except ValueError:
        raise SoartError(f"Expected a number as {name}, got {str(value)[:40]!r}.") from None


def weights_of(value: object) -> dict[str, float]:
    """Weights by name; empty if the request has none.

    Raises:
        SoartError: a weight is not a number.
    """
    if not isinstance(value, dict):
        return {}
    try:
        return {str(name): float(weight) for name, weight in value.items()}
    except (TypeError, ValueError, OverflowError):
        raise SoartError("Expected a number as every judge's weight.") from None


def whole_numbers(text: str, name: str) -> list[int]:
    """Whole numbers separated by commas.

    Raises:
        SoartError: a value is not a whole number.
    """
    return [whole_number(value, name) for value in text.split(",") if value]


def folders_of(current: OpenCollection, text: str) -> list[Path]:
    """Existing folders that a request names, one a line, without repetitions.

    Raises:
        CollectionError: a folder is not among those that requests may name, or does not exist.
    """
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
