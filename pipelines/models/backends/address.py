"""Addresses of running backends, as the option ``--model`` names them; light to import."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from ....errors import ModelError


class BackendKind(NamedTuple):
    """A kind of backend."""

    name: str  # of the program
    port: int  # that it listens on unless told otherwise
    tools: frozenset[str]  # names in the metadata of pictures whose settings it takes


#: Kinds by the word before the colon. Forge, reForge and SD.Next have the interface of Automatic1111.
KINDS = {
    "a1111": BackendKind("Automatic1111", 7860, frozenset({"AUTOMATIC1111", "Forge", "SD.Next"})),
    "comfyui": BackendKind("ComfyUI", 8188, frozenset({"ComfyUI"})),
}
_NAMED = re.compile(rf"({'|'.join(KINDS)}):(.*)", re.DOTALL)
_EXPECTED = "expected an address such as {example}, or with #CHECKPOINT at its end"


@dataclass(frozen=True, slots=True)
class BackendAddress:
    """The address of a running backend."""

    kind: str  # a key of ``KINDS``
    url: str  # without a slash at its end, user and password
    choice: str = ""  # the checkpoint, or for ComfyUI the file of a workflow, that the address names; empty for none
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """Name of the program, such as ``Automatic1111``."""
        return KINDS[self.kind].name

    @property
    def tools(self) -> frozenset[str]:
        """Names in the metadata of pictures whose settings it takes."""
        return KINDS[self.kind].tools

    @property
    def title(self) -> str:
        """Name and place, such as ``Automatic1111 at 127.0.0.1:7860``."""
        return f"{self.name} at {self.url.partition('://')[2]}"


def backend_address(model: str | None) -> BackendAddress | None:
    """The backend that ``KIND:URL`` or ``KIND:URL#CHOICE`` stands for; None for a model that is loaded in this process.

    The URL may lack ``http://``, and without one the usual port of this machine is meant.

    >>> from soart.pipelines.models.backends.address import backend_address
    >>> backend_address("a1111:").url, backend_address("comfyui:http://box:8188#dreamy.safetensors").choice
    ('http://127.0.0.1:7860', 'dreamy.safetensors')
    """
    named = _NAMED.fullmatch(model or "")
    if named is None:
        return None
    kind, rest = named[1], named[2].strip()
    # The choice may be a path with characters that end a URL, so it is cut off first.
    rest, _, choice = rest.partition("#")
    example = f"{kind}:http://127.0.0.1:{KINDS[kind].port}"
    wrong = ModelError(
        f"The backend {without_login(model or '')!r} cannot be reached: {_EXPECTED.format(example=example)}."
    )
    if not rest:
        rest = f"127.0.0.1:{KINDS[kind].port}"
    try:
        parts = urlsplit(rest if "://" in rest else f"http://{rest}")
        host, port = parts.hostname or "", parts.port
        f"{host}{parts.path}".encode("ascii")
        host.encode("idna")
    except ValueError as error:
        raise wrong from error
    malformed = parts.scheme not in ("http", "https") or not host or port == 0 or parts.query
    if malformed or re.search(r"[\s\x00-\x1f]", rest):
        raise wrong
    place = (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return BackendAddress(kind, f"{parts.scheme}://{place}{parts.path.rstrip('/')}", choice.strip(), user, password)


def without_login(model: str) -> str:
    """The name of a backend without user and password, which may hold any character, for messages.

    Examples:
        >>> from soart.pipelines.models.backends.address import without_login
        >>> without_login("a1111:http://me:s@cret@box:7860")
        'a1111:http://box:7860'
    """
    return re.sub(r"^(\w+:(?:\w+://)?).*@", r"\1", model, flags=re.DOTALL)
