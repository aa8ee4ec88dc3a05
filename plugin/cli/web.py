"""The command ``soart web``."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import secrets
import socket
import sys
import webbrowser
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

import platformdirs
import typer

from ...errors import CollectionError, SoartError, install_command
from ...pipelines.models.backends.address import backend_address
from .options import (
    Lora,
    Matching,
    Model,
    chosen_priors,
    generator_options,
    load_generator,
    model_effect,
    rater_name,
    tastes_folder,
    weighted,
)
from .setting_defaults import setting
from .terminal import Progress, note, say

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from ..web.state import ServerSettings

#: Collections that other commands make; those that exist in the current folder are shown if none is named.
USUAL = ("soart-pictures", "soart-tuning", "soart-demo")
PASSWORD = "SOART_PASSWORD"
API_TOKEN = "SOART_API_TOKEN"
#: Fewest characters of a token that is chosen.
SHORTEST = 16


def web(
    folders: Annotated[
        list[str] | None,
        typer.Argument(
            help="Folders of pictures, or collections. A folder is read and evaluated while the gallery shows it, as a "
            "collection that is kept in your data folder; the pictures stay where they are. Default: those of "
            f"{', '.join(USUAL)} that exist here."
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 admits other machines.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0: any free one.")] = 8700,
    password: Annotated[
        str, typer.Option(envvar=PASSWORD, help="Password of guests; safer as the environment variable.")
    ] = "",
    open_browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in your browser.")] = True,
    create: Annotated[
        bool, typer.Option("--create", help="Create an empty collection if the named one does not exist.")
    ] = False,
    rater: Annotated[
        str, typer.Option(callback=rater_name, help="Name of the owner as a rater until another one is entered.")
    ] = "me",
    allow_host: Annotated[
        list[str] | None, typer.Option(help="Further host name that may be used to open the page; repeatable.")
    ] = None,
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(
            help="Address or network of a proxy in front of the server, whose X-Forwarded-For names the visitors; repeatable."
        ),
    ] = None,
    allow_folders: Annotated[
        list[Path] | None,
        typer.Option(help="Folder that visitors may name for evaluations, with all in it; repeatable."),
    ] = None,
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Add pictures that other tools write into the folders while the gallery is open."),
    ] = False,
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by",
            metavar="NAME[:ARGUMENT][=WEIGHT]",
            help="Judge that visitors may choose besides soart's own, tastes and those of installed packages: "
            "clip:HUB_ID, module:Class …; repeatable. WEIGHT is proposed to them.",
        ),
    ] = None,
    guests: Annotated[
        bool, typer.Option("--guests", help="Let everybody in without token or password, to see, rate and tune.")
    ] = False,
    api: Annotated[
        bool,
        typer.Option(
            "--api",
            help=f"Answer other programs on this machine too, such as the script for web UIs; the token is printed, or that of {API_TOKEN}.",
        ),
    ] = False,
    matching: Matching = "",
    model: Model = None,
    lora: Lora = None,
) -> None:
    """Show collections in the browser: rate by keyboard, compare, tune, look at tastes. Ctrl-C ends it."""
    check_gallery()
    from ...pipelines.collection.collection import Collection
    from ...pipelines.scoring.taste_store import TasteStore, tastes_of
    from ..web.state import ServerSettings

    drawing = generator_options(model, lora)
    if guests and password:
        raise SoartError("--guests lets everybody in without a password: leave out --guests or the password.")
    for folder in allow_folders or ():
        if not folder.is_dir():
            raise SoartError(f"There is no folder {str(folder)!r} to allow: name a folder that exists.")
    if watch and not any(map(os.path.isdir, folders or ())):
        raise SoartError("--watch needs a folder to watch: name one, as in 'soart web pictures/ --watch'.")
    _check_proxies(trusted_proxy or ())
    if lora is not None and not lora.exists():
        raise typer.BadParameter(f"there is no folder or file {str(lora)!r} of LoRAs", param_hint="--lora")
    store = TasteStore(tastes_folder())
    # A rater's taste has the rater's name, so a name that no taste can have is refused now.
    store.place(rater)
    with listen(host, port) as listener:
        usual = setting("collection")
        names = folders or ([] if usual is None else [usual])
        opened = {name: _opened(name) for name in names if os.path.lexists(name) and not Collection.is_collection(name)}
        collections = _collections([opened.get(name, name) for name in names], create=create)
        wanted = chosen_priors([store, *map(tastes_of, filter(Collection.is_collection, collections))])
        settings = ServerSettings(
            collections, partial(load_generator, drawing), backend=backend_address(drawing.model),
            vocabulary=drawing.vocabulary, tastes=store, rater=rater, password=password, guests=guests,
            allowed=allow_folders or (), judges=weighted(by or (), "--by"), priors=wanted, watch=watch,
            model_effect=model_effect(), read=frozenset(opened.values()),
            names=frozenset({host.lower(), *(name.lower() for name in allow_host or ())}),
            api_token=_api_token() if api else "",
        )  # fmt: skip
        serve_gallery(
            settings, listener, host, lasting=port != 0, open_browser=open_browser, proxies=trusted_proxy or (),
            page=f"c/0/gallery?{urlencode({'words': matching})}" if matching else "",
        )  # fmt: skip


def _api_token() -> str:
    """The token of the interface for other programs: that of the environment, or a new one."""
    token = os.environ.get(API_TOKEN, "")
    if not token:
        return secrets.token_urlsafe(32)
    if len(token) < SHORTEST or not token.isascii() or not token.isprintable() or " " in token:
        raise SoartError(f"{API_TOKEN} is no good token: give at least {SHORTEST} letters and digits, or leave it out.")
    return token


def check_gallery() -> None:
    """Refuse to show a gallery whose packages are not installed."""
    try:
        from ..web.app import create_app  # noqa: F401
    except ImportError as error:
        raise SoartError(
            f"The gallery needs the extra 'web' ({error.name} is missing): {install_command('web')}."
        ) from error


def serve_gallery(
    settings: ServerSettings,
    listener: socket.socket,
    host: str,
    *,
    lasting: bool,
    open_browser: bool,
    page: str = "",
    proxies: Sequence[str] = (),
) -> None:
    """Print the address of a gallery, open it in the browser, and serve it until Ctrl-C.

    The settings come without the token, the port and what signs sessions; ``host`` is that of the listening socket.
    ``lasting`` if the user chose the port, so that sessions outlast the server. The page is by default the first one.
    """
    from ..web.app import create_app
    from ..web.security import signing_key

    # A free port may have been that of another server before: its sessions must not count here.
    port = listener.getsockname()[1]
    token = secrets.token_urlsafe(32)
    state = platformdirs.user_state_path("soart")
    secret = signing_key(state) if lasting else ""
    app = create_app(replace(settings, token=token, port=port, secret=secret, ended=state / "web-ended"))
    address = f"http://{_displayed(host)}:{port}/{page}{'&' if '?' in page else '?'}token={token}"
    say(f"soart web: {address}  (Ctrl-C ends it)")
    if settings.watch:
        note(_watched(app))
    if settings.api_token:
        say(f"soart web --api: http://127.0.0.1:{port}/api/v1 with the token {settings.api_token}")
    if settings.guests:
        note("Anyone who can reach this server can see and rate your pictures and draw new ones.")
    if open_browser:
        webbrowser.open(address)
    _serve(app, listener, proxies)


def _check_proxies(proxies: Sequence[str]) -> None:
    """Refuse what is no address or network."""
    for proxy in proxies:
        try:
            ipaddress.ip_network(proxy)
        except ValueError:
            expected = f"expected an address or a network such as 127.0.0.1 or 10.0.0.0/8, got {proxy!r}"
            raise typer.BadParameter(expected, param_hint="--trusted-proxy") from None


def _opened(folder: str) -> str:
    """The collection of a folder of pictures, which the gallery reads; nothing is read yet."""
    from ...pipelines.ingest.roots import open_collection_for, remember_roots
    from ...pipelines.ingest.scan import Scan

    store, roots = open_collection_for([folder], scan_of=Scan)
    with store:
        remember_roots(store, roots)
        return store.name


def _watched(app: Starlette) -> str:
    """The sentence on the folders that are watched."""
    watches = [opened.watch for opened in app.state.server.collections if opened.watch]
    folders = [str(folder) for watch in watches for folder in watch.folders]
    return (
        f"Watching {', '.join(folders)}."
        if folders
        else "Nothing to watch: no folder has been evaluated into these collections. Name a folder of pictures."
    )


def _serve(app: Starlette, listener: socket.socket, proxies: Sequence[str]) -> None:
    from ..web.app import make_server

    # Uvicorn raises the Ctrl-C that ended it again, after an orderly shutdown.
    with contextlib.suppress(KeyboardInterrupt):
        make_server(app, proxies).run(sockets=[listener])


def _displayed(host: str) -> str:
    """The host as a browser takes it: the machine's name for all addresses, IPv6 in brackets."""
    host = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)
    return f"[{host}]" if ":" in host else host


def listen(host: str, port: int) -> socket.socket:
    """Open a listening socket; an address of another machine, or a port that is taken, is refused."""
    listener = None
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        if listener is not None:
            listener.close()
        raise SoartError(
            f"The gallery cannot listen on {host}:{port}: {error.strerror or error}. Another gallery may be running: "
            "choose another --port."
        ) from error
    return listener


def _collections(names: list[str], *, create: bool) -> list[str]:
    """The collections to show; offer to make one that does not exist."""
    from ...pipelines.collection.collection import Collection

    chosen = names or [name for name in USUAL if Collection.is_collection(name)] or [USUAL[0]]
    for name in chosen:
        if not Collection.is_collection(name) and not create:
            _offer(name)
    return list(dict.fromkeys(chosen))


def is_interactive() -> bool:
    """True if a person at a terminal can answer questions."""
    return sys.stdin.isatty()


def _offer(name: str) -> None:
    """Ask at a terminal whether to make a collection, and make it; anything but yes is refused."""
    from ...pipelines.collection.address import address_of

    missing = f"There is no folder or collection {address_of(name).name!r}"
    if not is_interactive():
        raise CollectionError(f"{missing}: create an empty one with --create, or one with pictures by 'soart demo'.")
    answer = typer.prompt(
        f"{missing}. Create one with the demo's pictures (d), an empty one (e), or none (n)?", default="d"
    )
    choice = answer.strip().lower()[:1]
    if choice not in {"d", "e"}:
        raise CollectionError(f"{missing}: name another one.")
    if choice == "d":
        from ...pipelines.collection.collection import Collection
        from ...pipelines.demo import COUNT, fill

        with load_generator() as generator, Collection(name) as collection, Progress("drawing", COUNT) as progress:
            fill(collection, generator, progress)
