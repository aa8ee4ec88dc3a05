"""Attacks a running gallery as strangers and guests would, and prints what got through.

The script starts ``soart web`` on 127.0.0.1 with a collection of its own in a temporary folder, and sends a fixed list of
requests to it; nothing is sent to any other machine. It ends with 1 if an attack got through. With ``--write`` the table is
also put into SECURITY.md.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import http.client
import json
import os
import platform
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np

from soart.benchmarks.common import ROOT, command
from soart.benchmarks.hosts.gallery import Gallery, free_port
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.ratings import rate
from soart.pipelines.models.request import DrawnPicture, Request

PAGE = ROOT / "SECURITY.md"
BEGIN, END = "<!-- attacks: written by benchmarks/hosts/attacks.py -->", "<!-- end of attacks -->"
PASSWORD = "a long password of the guests"
API_TOKEN = "a-long-token-of-another-program"
#: Addresses of the interface for other programs.
API = ("/api/v1/names", "/api/v1/scores", "/api/v1/ratings")
HTML = {"Accept": "text/html"}
#: Seconds within which an honest request must be answered while an attack goes on, and the server must end; and seconds
#: that it is given to end at all. On a busy machine these are missed without any attack.
BRISK, ENDING, HANGING = 5.0, 4.0, 60.0
#: Addresses that hold something of the collection.
PRIVATE = (
    "/", "/collections", "/c/0/gallery", "/c/0/rate", "/c/0/tune", "/c/0/evaluate", "/c/0/api/ids", "/c/0/api/jobs", "/c/0/pictures/1/small",
    "/c/0/pictures/1/full", "/c/0/detail/1", "/c/0/heat/1", "/c/0/download/1",
)  # fmt: skip
#: Hosts that a lenient reader takes for an open address, and names that an attacker may own.
HOSTS_WITH_PATHS = (
    "127.0.0.1/login?", "127.0.0.1/login#", "127.0.0.1/static/", "localhost/login?", "127.0.0.1:80/login?", "a@127.0.0.1/login?", "[::1]/static/",
    "127.0.0.1\\login?", "127.0.0.1/static/style.css#",
)  # fmt: skip
FOREIGN_HOSTS = (
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "",
    "2130706433",
    "0x7f.1",
    "127.1",
)
PATHS = (
    "/static/../c/0/gallery", "/static/%2e%2e/c/0/gallery", "/static/..%2f..%2fsecurity.py", "/static/../security.py", "//c/0/gallery", "/login/../c/0/gallery",
    "/login/c/0/gallery", "/login;/c/0/gallery", "/./c/0/gallery", "/c/0//gallery", "/C/0/gallery", "/c/00/gallery", "/c/0/gallery%00", "/loginx",
    "/c/0/gallery?token=", "/c/0/gallery?token=guess",
)  # fmt: skip


@dataclass
class Answer:
    """An answer: its status, body, cookie, and how long it took in seconds."""

    status: int
    text: str
    cookie: str
    seconds: float


class Target(Gallery):
    """A gallery of a collection, with a password and the interface for other programs; its user's files lie in ``home``."""

    def __init__(self, folder: Path, home: Path, port: int) -> None:
        secrets = {
            "SOART_PASSWORD": PASSWORD,
            "SOART_API_TOKEN": API_TOKEN,
            "XDG_CACHE_HOME": str(home / "XDG_CACHE_HOME"),
        }
        super().__init__(folder, home, options=("--rater", "rita", "--api"), port=port, environment=secrets)
        self.token = self.entrance.partition("?token=")[2]

    def send(
        self,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        *,
        host: str | None = None,
        source: str = "127.0.0.1",
    ) -> Answer:
        """Send one request; with a body it is a POST."""
        began = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60, source_address=(source, 0))
        content = b"" if body is None else json.dumps(body).encode()
        length = {} if body is None else {"Content-Length": str(len(content))}
        every = {"Host": f"127.0.0.1:{self.port}" if host is None else host, **length, **(headers or {})}
        with contextlib.closing(connection):
            connection.request("GET" if body is None else "POST", path, content or None, every)
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
            cookie = (answer.headers.get("set-cookie") or "").split(";")[0]
            return Answer(answer.status, text, cookie, time.monotonic() - began)


@dataclass
class Visitor:
    """A browser of a visitor, with the role that a secret gives."""

    server: Target
    secret: str = ""
    source: str = "127.0.0.1"
    cookie: str = ""
    csrf: str = ""
    entered: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._look()
        if self.secret:
            answer = self.post("/login", {"password": self.secret})
            self.entered = answer.status
            self._look()

    def _look(self) -> None:
        page = self.get("/login", HTML)
        self.csrf = page.text.split('data-csrf="')[1].split('"')[0]

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Open an address."""
        return self._kept(self.server.send(path, None, {"Cookie": self.cookie, **(headers or {})}, source=self.source))

    def post(self, path: str, body: object, headers: Mapping[str, str] | None = None) -> Answer:
        """Change something."""
        all_headers = {"Cookie": self.cookie, "X-CSRF-Token": self.csrf, **(headers or {})}
        return self._kept(self.server.send(path, body, all_headers, source=self.source))

    def _kept(self, answer: Answer) -> Answer:
        self.cookie = answer.cookie or self.cookie
        return answer


def make_collection(folder: Path, count: int) -> list[Path]:
    """A collection of noise, rated by ann; returns the files of the pictures."""
    rng = np.random.default_rng(0)
    drawn = [
        DrawnPicture(Request(f"picture {i}", i, width=64, height=64), rng.integers(0, 256, (64, 64, 3), dtype=np.uint8), None, 0.1)
        for i in range(count)
    ]  # fmt: skip
    with Collection(folder) as collection:
        rows = collection.add_drawn(drawn, "m", "s")
        rate(collection, "ann", {rows[0].id: 5})
        return [collection.locate(row) for row in rows]


@dataclass
class Outcome:
    """Outcome of an attack."""

    answers: Counter[str] = field(default_factory=Counter)  # number of answers by what they were
    through: int = 0  # number of requests that got through

    def note(self, answer: Answer | str, *, through: bool) -> None:
        """Count an answer."""
        self.answers[answer if isinstance(answer, str) else str(answer.status)] += 1
        self.through += through


def shows(answer: Answer) -> bool:
    """True if an answer to a stranger is neither a refusal, nor the way to the form or the form itself."""
    return answer.status == 200 and 'name="password"' not in answer.text


def try_private(server: Target, outcome: Outcome, headers: Mapping[str, str], source: str = "127.0.0.1") -> None:
    """Open every address that holds something of the collection."""
    for path in PRIVATE:
        answer = server.send(path, None, headers, source=source)
        outcome.note(answer, through=shows(answer))


def hosts_with_paths(server: Target, outcome: Outcome) -> None:
    """Host header that holds a path."""
    for host in HOSTS_WITH_PATHS:
        for path in PRIVATE:
            for headers in ({}, HTML):
                answer = server.send(path, None, headers, host=host)
                outcome.note(answer, through=answer.status not in (400, 403))


def foreign_hosts(server: Target, outcome: Outcome) -> None:
    """Foreign host name (DNS rebinding)."""
    guest = Visitor(server, PASSWORD)
    for host in FOREIGN_HOSTS:
        for path in (*PRIVATE, "/login"):
            answer = server.send(path, None, {"Cookie": guest.cookie}, host=host)
            outcome.note(answer, through=answer.status not in (400, 403))


def without_secret(server: Target, outcome: Outcome) -> None:
    """Address of the collection, without password and token."""
    for path in (*PRIVATE, *PATHS):
        for headers in ({}, HTML):
            answer = server.send(path, None, headers)
            outcome.note(answer, through=shows(answer))


def forged_cookies(server: Target, outcome: Outcome) -> None:
    """Forged or altered session cookie."""
    name, _, value = Visitor(server, server.token).cookie.partition("=")
    payload, *rest = value.split(".")
    for forged in ("", "e30=", f"{payload}.x.y", ".".join(["e30=", *rest]), f"{value}x", value[:-1], value.swapcase()):
        answer = server.send("/c/0/api/ids", None, {"Cookie": f"{name}={forged}"})
        outcome.note(answer, through=answer.status == 200)


def other_servers(server: Target, outcome: Outcome, others: list[Target]) -> None:
    """The owner's cookie of another server of the same user, renamed."""
    for other in others:
        value = Visitor(other, other.token).cookie.partition("=")[2]
        try_private(server, outcome, {"Cookie": f"soart-{server.port}={value}"})


def copied_cookie(server: Target, outcome: Outcome) -> None:
    """Copied cookie, after the logout."""
    guest = Visitor(server, PASSWORD)
    copied = guest.cookie
    assert guest.post("/logout", {}).status == 200
    try_private(server, outcome, {"Cookie": copied})


def changes_from_elsewhere(server: Target, outcome: Outcome) -> None:
    """Change without the token of the session, or from another site (CSRF)."""
    guest = Visitor(server, PASSWORD)
    body = {"rater": "guest", "image": 1, "stars": 1}
    for headers in (
        {"X-CSRF-Token": ""}, {"X-CSRF-Token": "guess"}, {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://["},
        {"Origin": f"http://127.0.0.1:{server.port}.evil.example"}, {"Sec-Fetch-Site": "cross-site"},
    ):  # fmt: skip
        answer = guest.post("/c/0/api/rate", body, headers)
        outcome.note(answer, through=answer.status != 403)


def guessing(server: Target, outcome: Outcome) -> None:
    """Two addresses guess passwords, one of them with forged `X-Forwarded-For`."""

    def guess(source: str, forged: bool) -> list[Answer]:
        visitor = Visitor(server, source=source)
        return [
            visitor.post("/login", {"password": f"guess {n}"}, {"X-Forwarded-For": f"192.0.2.{n}"} if forged else {}) for n in range(40)
        ]  # fmt: skip

    with ThreadPoolExecutor(2) as pool:
        answers = pool.map(guess, ("127.0.0.2", "127.0.0.3"), (False, True))
        for one in answers:
            for number, answer in enumerate(one):
                # Forty at once: three are free, and some may come after the first waits.
                outcome.note(answer, through=answer.status == 200 or (number > 12 and answer.status != 429))


def right_password_meanwhile(server: Target, outcome: Outcome) -> None:
    """The right password from other addresses, while two addresses guess."""
    stop = threading.Event()

    def guess(source: str) -> None:
        visitor = Visitor(server, source=source)
        while not stop.is_set():
            visitor.post("/login", {"password": "guess"})
            time.sleep(0.05)

    with ThreadPoolExecutor(2) as pool:
        try:
            guesses = [pool.submit(guess, source) for source in ("127.0.0.5", "127.0.0.6")]
            time.sleep(1)
            for number in range(20):
                visitor = Visitor(server, PASSWORD, source=f"127.0.1.{number + 1}")
                outcome.note(str(visitor.entered), through=visitor.entered != 200)
        finally:
            stop.set()
        for done in guesses:
            done.result()


def guest_as_owner(server: Target, outcome: Outcome) -> None:
    """Guest moves, adds or undoes files, or starts judges."""
    guest = Visitor(server, PASSWORD)
    for path in (
        "/c/0/api/evaluate/move", "/c/0/api/evaluate/undo", "/c/0/api/selection/move", "/c/0/api/selection/plan", "/c/0/api/keepers/move", "/c/0/api/judge",
        "/c/0/api/import?name=a.png", "/c/0/api/import/scan",
    ):  # fmt: skip
        answer = guest.post(path, {"images": [1], "worst": "50", "plan": "x", "name": "x", "judge": "os:system"})
        outcome.note(answer, through=answer.status != 403)


def names_of_others(server: Target, outcome: Outcome) -> None:
    """Guest takes the name of the owner or a rater, or one that looks like it."""
    guest = Visitor(server, PASSWORD)
    for name in ("rita", "ann", "Rita", "ANN", " ann ", "an\u202en", "\u2066ann\u2069", "ann\u200f", "a\u200bnn"):
        answer = guest.post("/rater", {"rater": name})
        outcome.note(answer, through=answer.status == 200)


def foreign_folders(server: Target, outcome: Outcome) -> None:
    """Guest names a folder outside the allowed ones."""
    guest = Visitor(server, PASSWORD)
    for folder in ("/", "/etc", "~", "~root", "../..", "/proc/self/cwd", "images/../..", "a\0b", "x" * 5000):
        answer = guest.post("/c/0/api/evaluate", {"folders": folder})
        outcome.note(answer, through=answer.status == 200)


def other_programs(server: Target, outcome: Outcome) -> None:
    """Interface for other programs: without its token, with secrets of the pages, as a page, by a foreign name, or strange bodies."""
    owner, bearer = Visitor(server, server.token), {"Authorization": f"Bearer {API_TOKEN}"}
    forged: tuple[dict[str, str], ...] = (
        {}, {"Cookie": owner.cookie, "X-CSRF-Token": owner.csrf}, {"Authorization": "Bearer"}, {"Authorization": f"Basic {API_TOKEN}"},
        {**bearer, "Origin": f"http://127.0.0.1:{server.port}"}, {**bearer, "Origin": "null"}, {**bearer, "Sec-Fetch-Site": "same-origin"},
        {**bearer, "X-Forwarded-For": "127.0.0.1"}, {**bearer, "Transfer-Encoding": "chunked"},
    )  # fmt: skip
    for path in API:
        for headers in forged:
            answer = server.send(path, {"pictures": []}, headers, source="127.0.0.20")
            outcome.note(answer, through=answer.status == 200 or answer.status >= 500)
        for host in (*FOREIGN_HOSTS, *HOSTS_WITH_PATHS):
            answer = server.send(path, {"pictures": []}, bearer, host=host, source="127.0.0.21")
            outcome.note(answer, through=answer.status not in (400, 403))
        for body in (
            [],
            3,
            "text",
            {"pictures": {}},
            {"pictures": [{"picture": "x" * 100}] * 65},
            {"pictures": [{"picture": []}], "by": "os:system"},
        ):
            answer = server.send(path, body, bearer, source="127.0.0.22")
            outcome.note(answer, through=answer.status == 200 or answer.status >= 500)
    try_private(server, outcome, bearer, "127.0.0.23")
    guesses = [
        server.send(API[0], None, {"Authorization": f"Bearer {n}"}, source="127.0.0.24").status for n in range(20)
    ]
    for number, status in enumerate(guesses):
        outcome.note(str(status), through=status == 200 or (number > 6 and status != 429))
    honest = server.send(API[0], None, bearer)
    outcome.note(str(honest.status), through=honest.status != 200)


def strange_requests(server: Target, outcome: Outcome) -> None:
    """Huge bodies and numbers, and values of wrong types."""
    guest = Visitor(server, PASSWORD)
    numbers = ("9" * 4000, str(2**63), "-1", "1e9", "%00", "1;drop", "٣")
    for number in numbers:
        for path in ("/c/0/pictures/%s/full", "/c/0/download/%s", "/c/%s/gallery", "/c/0/api/cells?ids=%s"):
            with contextlib.suppress(http.client.InvalidURL, UnicodeEncodeError):
                answer = guest.get(path % number)
                # No cell is an answer too.
                shown = answer.status == 200 and not answer.text.startswith('{"cells":[]')
                outcome.note(answer, through=shown or answer.status >= 500)
    for body in (
        "x" * 2_000_000,
        [],
        3,
        "text",
        {"rater": {}},
        {"rater": "guest", "image": [], "stars": {}},
        {"rater": "guest", "image": 10**30, "stars": 5},
    ):
        answer = guest.post("/c/0/api/rate", body)
        outcome.note(answer, through=answer.status == 200 or answer.status >= 500)


def links_out(server: Target, outcome: Outcome, files: Mapping[int, Path], outside: Path) -> None:
    """Pictures behind links out of the folders, for guests; then for the owner."""
    guest, owner = Visitor(server, PASSWORD), Visitor(server, server.token)
    outside.mkdir()
    for number, path in files.items():
        path.replace(outside / path.name)
        path.symlink_to(outside / path.name)
        for page in (
            "pictures/%s/small",
            "pictures/%s/full",
            "detail/%s",
            "heat/%s",
            "download/%s",
            "optimize?image=%s",
        ):
            answer = guest.get(f"/c/0/{page % number}")
            outcome.note(answer, through=answer.status != 404)
        answer = guest.get(f"/c/0/api/cells?ids={number}")
        outcome.note(answer, through=not answer.text.startswith('{"cells":[]'))
        answer = owner.get(f"/c/0/pictures/{number}/full")
        outcome.note(answer, through=answer.status != 200)


def pipes(server: Target, outcome: Outcome, files: list[Path]) -> None:
    """Pictures that became named pipes are opened by 135 requests at once; then honest ones."""
    guest = Visitor(server, PASSWORD)
    for path in files:
        path.unlink()
        os.mkfifo(path)
    kinds = ("download/", "heat/", "optimize?image=")
    addresses = [f"/c/0/{kind}{number}" for number in range(1, len(files) + 1) for kind in kinds]
    with ThreadPoolExecutor(len(addresses)) as pool:
        waiting = [pool.submit(server.send, path, None, {"Cookie": guest.cookie}) for path in addresses]
        for path in ("/c/0/api/ids", "/c/0/api/jobs", "/login"):
            answer = server.send(path, None, {"Cookie": guest.cookie})
            outcome.note(answer, through=answer.status != 200 or answer.seconds > BRISK)
        for path, request in zip(addresses, waiting, strict=True):
            # The form to optimize shows nothing of the picture.
            outcome.note(request.result(), through=request.result().status != (200 if "optimize" in path else 404))


def ctrl_c(server: Target, outcome: Outcome) -> None:
    """Ctrl-C while requests and silent connections are open."""
    with contextlib.ExitStack() as stack:
        for _ in range(50):
            stream = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            stream.sendall(b"GET /login HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        server.process.send_signal(signal.SIGINT)
        began = time.monotonic()
        try:
            server.process.wait(HANGING)
            seconds = time.monotonic() - began
            outcome.note(f"ended in {seconds:.1f} s", through=seconds > ENDING)
        except subprocess.TimeoutExpired:
            outcome.note(f"still running after {HANGING:g} s", through=True)


def all_outcomes(folder: Path) -> dict[str, Outcome]:
    """The outcome of every attack, by its title."""
    home, first, second = folder / "home", folder / "first", folder / "second"
    files, port = make_collection(first, 60), free_port()
    make_collection(second, 2)
    outcomes: dict[str, Outcome] = {}

    def attack(function: Callable[..., None], server: Target, *arguments: object) -> None:
        doc = function.func.__doc__ if isinstance(function, partial) else function.__doc__
        title = str(doc).rstrip(".")
        outcome = outcomes.setdefault(title, Outcome())
        function(server, outcome, *arguments)
        print(f"{title}: {dict(outcome.answers)}", file=sys.stderr, flush=True)

    # On the same port, with another collection, before it; and on another port, with the same collection, beside it.
    with Target(second, home, port) as earlier:
        stolen = Visitor(earlier, earlier.token).cookie
    with Target(first, home, port) as server, Target(first, home, free_port()) as beside:
        for function in (
            hosts_with_paths, foreign_hosts, without_secret, forged_cookies, partial(other_servers, others=[beside]), copied_cookie, changes_from_elsewhere,
            guessing, right_password_meanwhile, guest_as_owner, names_of_others, foreign_folders, other_programs, strange_requests,
        ):  # fmt: skip
            attack(function, server)
        try_private(server, outcomes[str(other_servers.__doc__).rstrip(".")], {"Cookie": stolen})
        if hasattr(os, "mkfifo"):
            attack(links_out, server, {number + 1: files[number] for number in range(45, 50)}, folder / "outside")
            attack(pipes, server, files[:45])
        attack(ctrl_c, server)
    return outcomes


def table(outcomes: Mapping[str, Outcome]) -> str:
    """The outcomes as a table in Markdown."""
    rows = ["| attack | requests | answers | got through |", "|---|---|---|---|"]
    for title, outcome in outcomes.items():
        answers = ", ".join(f"{count} × {answer}" for answer, count in sorted(outcome.answers.items()))
        rows.append(f"| {title} | {sum(outcome.answers.values())} | {answers} | {outcome.through} |")
    packages = ", ".join(f"{name} {version(name)}" for name in ("starlette", "uvicorn", "itsdangerous"))
    return (
        f"{dt.date.today():%Y-%m-%d}, Python {platform.python_version()}, {packages}; `python benchmarks/hosts/attacks.py --write`:\n\n"
        + "\n".join(rows)
        + "\n"
    )


def write(text: str, path: Path) -> None:
    """Put the table between the marks of a page."""
    page = path.read_text(encoding="utf-8")
    marked = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    assert marked.search(page), f"{path} has no place for the table"
    path.write_text(marked.sub(lambda _: f"{BEGIN}\n\n{text}\n{END}", page), encoding="utf-8")


def main() -> int:
    """Attack, print the table, and perhaps write it; returns the exit code."""
    arguments = command(__doc__, flags=["write"]).parse_args()
    with tempfile.TemporaryDirectory(prefix="soart-attacks-") as folder:
        outcomes = all_outcomes(Path(folder))
    text = table(outcomes)
    print(text)
    if arguments.write:
        write(text, PAGE)
    return int(any(outcome.through for outcome in outcomes.values()))


if __name__ == "__main__":
    sys.exit(main())
