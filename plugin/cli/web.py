"""``soart web``: start the gallery."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import sys
import webbrowser
from typing import TYPE_CHECKING, Annotated

import typer

from ...errors import CollectionError, SoartError
from .options import BatchSize, Device, Dtype, Model, ModelConfig, Offload, load_generator
from .taste import Profiles
from .terminal import Progress, note, say

if TYPE_CHECKING:
    from starlette.applications import Starlette

#: Collections that are looked for in this folder where none is named: those that other commands make.
USUAL = ("soart-pictures", "soart-tuning", "soart-demo")
PASSWORD = "SOART_PASSWORD"


def web(
    collection: Annotated[
        list[str] | None,
        typer.Option(
            "--collection",
            help=f"Collection to show, a folder or a URL; repeat. Default: {', '.join(USUAL)}, those that are here.",
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 lets others in: set a password then.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0: any free one.")] = 8700,
    password: Annotated[
        str, typer.Option(envvar=PASSWORD, help="Ask for this password; better given as the environment variable.")
    ] = "",
    open_browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in your browser.")] = True,
    create: Annotated[bool, typer.Option("--create", help="Make an empty collection where there is none.")] = False,
    rater: Annotated[str, typer.Option(help="Name of whoever does not say theirs.")] = "me",
    allow_host: Annotated[
        list[str] | None, typer.Option(help="Further host name that the page may be opened under; repeat.")
    ] = None,
    batch_size: BatchSize = None,
    model: Model = None,
    model_config: ModelConfig = None,
    device: Device = None,
    dtype: Dtype = None,
    offload: Offload = "auto",
    profiles: Profiles = None,
) -> None:
    """Show collections in the browser: rate by keyboard, compare, tune, look at tastes. Ctrl-C ends it."""
    try:
        import uvicorn  # noqa: F401

        from ..web.app import create_app
        from ..web.security import signing_key
        from ..web.state import ServerSettings
    except ImportError as error:
        raise SoartError(
            f"The gallery needs the extra 'web' ({error.name} is missing): pip install 'soart[web]'."
        ) from error
    from ...pipelines.scoring.profile_store import ProfileStore

    kept = ProfileStore(profiles)
    # A rater's taste bears the rater's name: one that no taste can have is refused now.
    kept.place(rater)
    local = _loopback(host)
    with _listen(host, port) as listener:
        folders = _folders(collection or [], create=create)
        app = create_app(
            ServerSettings(
                folders,
                lambda: load_generator(
                    model, batch_size, config=model_config, device=device, dtype=dtype, offload=offload
                ),
                vocabulary="embedded" if model is None else "general",
                profiles=kept,
                rater=rater,
                password=password,
                names=frozenset({host.lower(), *(name.lower() for name in allow_host or ())}),
                local=local,
                secret=signing_key(password),
            )
        )
        address = f"http://{_shown(host)}:{listener.getsockname()[1]}/"
        say(f"soart web: {address}  (Ctrl-C ends it)")
        if not local and not password:
            note(
                f"Everybody who can reach this machine can look and rate: set a password with --password or {PASSWORD}."
            )
        if open_browser:
            webbrowser.open(address)
        _serve(app, listener)


def _serve(app: Starlette, listener: socket.socket) -> None:
    import uvicorn

    config = uvicorn.Config(
        app, log_level="warning", server_header=False, proxy_headers=False, timeout_graceful_shutdown=3
    )
    # The server has ended in order by the time the key press that ended it is raised again.
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])


def _loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _shown(host: str) -> str:
    host = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)
    return f"[{host}]" if ":" in host else host


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        SoartError: the address is none of this machine's, or the port is taken.
    """
    listener = None
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(found[0], socket.SOCK_STREAM)
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(found[4])
        listener.listen(128)
    except OSError as error:
        if listener is not None:
            listener.close()
        raise SoartError(
            f"The gallery cannot listen on {host}:{port}: {error.strerror or error} (is another one running? Take another --port)."
        ) from error
    return listener


def _folders(named: list[str], *, create: bool) -> list[str]:
    """The collections to show; where there is none, one is offered.

    Raises:
        CollectionError: there is none, and none is wanted.
    """
    from ...pipelines.collection.collection import Collection

    found = named or [name for name in USUAL if Collection.is_collection(name)] or [USUAL[0]]
    for folder in found:
        if not Collection.is_collection(folder) and not create:
            _offer(folder)
    return list(dict.fromkeys(found))


def _asked() -> bool:
    """Whether there is somebody to ask."""
    return sys.stdin.isatty()


def _offer(folder: str) -> None:
    """Ask whether to make a collection, if there is somebody to ask."""
    from ...pipelines.collection.address import address_of

    missing = f"There is no collection {address_of(folder).name!r}"
    if not _asked():
        raise CollectionError(f"{missing}: make an empty one with --create, or one with pictures by 'soart demo'.")
    wanted = typer.prompt(
        f"{missing}. Make one with the demo's pictures (d), an empty one (e), or none (n)?", default="d"
    )
    if wanted.strip().lower()[:1] not in {"d", "e"}:
        raise CollectionError(f"{missing}: name another one with --collection.")
    if wanted.strip().lower().startswith("d"):
        from ...pipelines.collection.collection import Collection
        from ...pipelines.demo import COUNT, fill

        with Collection(folder) as collection, Progress("drawing", COUNT) as progress:
            fill(collection, load_generator(), progress)
