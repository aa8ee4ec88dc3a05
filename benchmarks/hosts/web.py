"""Times the gallery with 10,000 pictures in a real browser.

Measured are the first view, scrolling, filters, the time from key press to next picture, and memory over 2,000 ratings.
The collection is made once (``--folder``; 320 × 320 pixels each, so that thumbnails must be made). The server is the
command ``soart web`` in a separate process, the browser headless Chromium. Learning runs in the background, as it does
for users.

With ``--raters`` it measures instead how the server bears several people at once: first one rater, then so many, each
against a fresh server and without a browser.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx2 as httpx
import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from soart.benchmarks.common import command
from soart.benchmarks.hosts.gallery import Gallery, enter
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.ratings import ratings
from soart.pipelines.models.request import DrawnPicture, Request

SIDE = 320
#: Ratings while memory is watched, key presses, and times that views and filters are opened.
RATINGS, PRESSES, RUNS = 2_000, 300, 5
#: Seconds from one rating of a rater to the next, if the server is quick enough.
PACE = 0.5
#: Run in the page: milliseconds from a key press until the next picture is on the screen.
WATCH = """() => {
  window.times = [];
  addEventListener('keydown', (event) => {
    if (!/^[1-5x]$/.test(event.key)) return;
    const start = performance.now();
    const picture = document.querySelector('#picture');
    const before = picture.dataset.id;
    const look = () => {
      if (picture.dataset.id !== before && picture.complete && picture.naturalWidth)
        picture.decode().then(() => requestAnimationFrame(() => window.times.push(performance.now() - start)));
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  }, true);
}"""
#: Run in the page: milliseconds from the start of navigation until all visible pictures are drawn; false before.
SEEN = """() => {
  const seen = (box) => box.bottom > 0 && box.top < innerHeight;
  const inSight = [...document.querySelectorAll('#grid .place')].filter((node) => seen(node.getBoundingClientRect()));
  const images = inSight.map((node) => node.querySelector('img'));
  return images.length > 0 && images.every((image) => image?.complete && image.naturalWidth) && performance.now();
}"""


#: Run in the page: records the milliseconds between frames while scrolling.
FRAMES = """() => {
  window.frames = [];
  let last = performance.now();
  const note = (now) => { window.frames.push(now - last); last = now; requestAnimationFrame(note); };
  requestAnimationFrame(note);
}"""
FILTERS = (
    "words=warm", "words=disc+-cool&up=1", "sort=rating", "rated=none", "since=2020-01-01&until=2999-01-01", "damage=any",
)  # fmt: skip


def draw(number: int, rng: np.random.Generator) -> np.ndarray:
    """A smooth picture with a disc, which compresses like a drawing."""
    y, x = np.mgrid[0 : 1 : SIDE * 1j, 0 : 1 : SIDE * 1j]
    ends = rng.integers(0, 256, (3, 3))
    pixels = ends[0] * (1 - x[..., None]) + ends[1] * x[..., None] * (1 - y[..., None]) + ends[2] * (x * y)[..., None]
    centre, radius = rng.random(2), 0.1 + 0.3 * rng.random()
    pixels[(x - centre[0]) ** 2 + (y - centre[1]) ** 2 < radius**2] = rng.integers(0, 256, 3)
    return np.clip(pixels, 0, 255).astype(np.uint8)


def make(folder: Path, count: int) -> None:
    """Fill the collection up to ``count`` pictures."""
    with Collection(folder) as collection:
        for start in range(len(collection.ids()), count, 100):
            batch = []
            for number in range(start, min(start + 100, count)):
                pixels = draw(number, np.random.default_rng(number))
                request = Request(
                    f"a picture of disc {number}, {'warm' if number % 2 else 'cool'}", number, width=SIDE, height=SIDE
                )
                batch.append(DrawnPicture(request, pixels, None, 0.1))
            collection.add_drawn(batch, "benchmark", "none")


def visit(browser: Browser, server: Gallery) -> Page:
    """A page of a fresh browser that the server has let in."""
    page = browser.new_context(viewport={"width": 1280, "height": 860}).new_page()
    page.goto(server.entrance)
    return page


def first_view(page: Page, address: str) -> float:
    """Seconds until the visible pictures are drawn, for a browser with an empty cache."""
    page.goto(f"{address}/c/0/gallery")
    return float(page.wait_for_function(SEEN).json_value()) / 1000


def scrolling(page: Page, address: str, seconds: float = 8.0, jumps: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Milliseconds between frames while scrolling, and until all visible pictures are drawn after random jumps."""
    page.goto(f"{address}/c/0/gallery")
    page.wait_for_function(SEEN)
    page.mouse.move(640, 500)
    page.evaluate(FRAMES)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        page.mouse.wheel(0, 400)
        page.wait_for_timeout(16)
    frames = np.array(page.evaluate("window.frames"))
    rng, waits = np.random.default_rng(2), []
    height = page.evaluate("document.documentElement.scrollHeight - innerHeight")
    for share in rng.random(jumps):
        page.wait_for_timeout(300)
        start = page.evaluate("top => { scrollTo(0, top); return performance.now(); }", height * share)
        waits.append(float(page.wait_for_function(SEEN).json_value()) - start)
    return frames, np.array(waits)


def filtering(server: Gallery, runs: int) -> dict[str, float]:
    """Median milliseconds until the ids of all pictures of a filter have arrived."""
    found = {}
    with httpx.Client(base_url=server.address, timeout=60) as client:
        client.get(server.entrance)
        for asked in FILTERS:
            times = []
            for _ in range(runs):
                start = time.perf_counter()
                client.get(f"/c/0/api/ids?{asked}").raise_for_status()
                times.append(1000 * (time.perf_counter() - start))
            found[asked] = float(np.median(times))
    return found


def key_presses(page: Page, address: str, count: int) -> np.ndarray:
    """(count,) milliseconds from key press to next picture, at about four keys a second."""
    page.goto(f"{address}/c/0/rate")
    page.wait_for_selector("#picture[data-id]")
    page.wait_for_load_state("networkidle")
    page.evaluate(WATCH)
    rng = np.random.default_rng(0)
    for number in range(count):
        page.keyboard.press(str(rng.integers(1, 6)))
        page.wait_for_function("count => window.times.length > count", arg=number)
        page.wait_for_timeout(150 + 150 * rng.random())
    return np.array(page.evaluate("window.times"))


def rate_many(server: Gallery, count: int, every: int) -> list[float]:
    """Resident megabytes of the server after every so many ratings, each after viewing the picture."""
    found = []
    with httpx.Client(base_url=server.address, timeout=60) as client:
        headers = enter(client, server, "bench")
        rng, done = np.random.default_rng(1), 0
        while done < count:
            for cell in client.get("/c/0/api/queue?count=8").json()["cells"]:
                client.get(f"/c/0/pictures/{cell['id']}/large?v={cell['v']}").raise_for_status()
                body = {"rater": "bench", "image": cell["id"], "stars": int(rng.integers(1, 6))}
                client.post("/c/0/api/rate", json=body, headers=headers).raise_for_status()
                done += 1
                if done % every == 0:
                    found.append(server.memory())
        for job in client.get("/c/0/api/jobs").json()["jobs"]:
            if job["live"]:
                client.post("/c/0/api/jobs/cancel", json={"job": job["number"]}, headers=headers)
    return found


@dataclass
class Sitting:
    """One person's sitting: what was rated, and milliseconds until each response had arrived."""

    stars: dict[int, int] = field(default_factory=dict)
    rating: list[float] = field(default_factory=list)
    viewing: list[float] = field(default_factory=list)
    #: Ratings that the server did not take.
    refused: int = 0


def sit(server: Gallery, rater: str, seed: int, seconds: float, started: threading.Barrier) -> Sitting:
    """Rate the pictures of the queue, each after viewing it, about one in ``PACE`` seconds."""
    sitting, rng = Sitting(), np.random.default_rng(seed)
    with httpx.Client(base_url=server.address, timeout=60) as client:
        headers = enter(client, server, rater)

        def view(path: str) -> httpx.Response:
            start = time.perf_counter()
            response = client.get(path).raise_for_status()
            sitting.viewing.append(1000 * (time.perf_counter() - start))
            return response

        started.wait(120)
        # Nobody begins at the same moment as all others.
        due = time.monotonic() + PACE * rng.random()
        end = time.monotonic() + seconds
        ahead: list[dict[str, int]] = []
        while due < end:
            time.sleep(max(0.0, due - time.monotonic()))
            if not ahead and not (ahead := view("/c/0/api/queue?count=8").json()["cells"]):
                break
            cell = ahead.pop(0)
            view(f"/c/0/pictures/{cell['id']}/large?v={cell['v']}")
            body = {"rater": rater, "image": cell["id"], "stars": int(rng.integers(1, 6))}
            start = time.perf_counter()
            response = client.post("/c/0/api/rate", json=body, headers=headers)
            sitting.rating.append(1000 * (time.perf_counter() - start))
            if response.status_code == 200:
                sitting.stars[body["image"]] = body["stars"]
            else:
                sitting.refused += 1
            due = max(time.monotonic(), due + PACE * (0.8 + 0.4 * rng.random()))
    return sitting


def rate_together(folder: Path, raters: list[str], seconds: float) -> float:
    """Let raters rate at the same time at a fresh server, and print what came of it; returns megabytes of memory."""
    with (
        tempfile.TemporaryDirectory(prefix="soart-web-home-", ignore_cleanup_errors=True) as home,
        Gallery(folder, Path(home)) as server,
        ThreadPoolExecutor(len(raters)) as pool,
    ):
        started = threading.Barrier(len(raters))
        tasks = [pool.submit(sit, server, rater, seed, seconds, started) for seed, rater in enumerate(raters)]
        memory = [(0.0, 0)]
        while not all(task.done() for task in tasks):
            memory.append(server.memory_of_all())
            time.sleep(1)
        sittings = [task.result() for task in tasks]
    with Collection(folder) as collection:
        stored = [ratings(collection, rater) for rater in raters]
    lost = sum(
        sitting.refused + sum(kept.get(image) != stars for image, stars in sitting.stars.items())
        for sitting, kept in zip(sittings, stored, strict=True)
    )
    most, processes = max(memory)
    print(f"{len(raters)} {'rater' if len(raters) == 1 else 'raters'} for {seconds:g} s:")
    for name, times in (
        ("ratings", [t for sitting in sittings for t in sitting.rating]),
        ("queue and pictures", [t for sitting in sittings for t in sitting.viewing]),
    ):
        print(
            f"  {name}: {len(times)} responses, median {np.median(times):.0f} ms, "
            f"95th percentile {np.quantile(times, 0.95):.0f} ms (goal 300 ms), longest {max(times):.0f} ms"
        )
    print(f"  lost ratings: {lost}")
    print(f"  memory, server with learning: at most {most:.0f} MB in {processes} processes")
    return most


def compare_raters(folder: Path, count: int, seconds: float) -> None:
    """Print the figures of one rater, and of several."""
    # Names of this run, so that a collection can be used again.
    now = int(time.time())
    alone = rate_together(folder, [f"alone-{now}"], seconds)
    together = rate_together(folder, [f"together-{now}-{number}" for number in range(count)], seconds)
    print(f"memory of {count} raters: {together / alone:.2f} times that of one rater (goal: 1.3 times)")


def main() -> None:
    """Print the figures."""
    given = command(__doc__, n=10_000, folder=None, raters=0, seconds=60.0).parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="soart-web-"))
    start = time.monotonic()
    make(folder, given.n)
    print(f"{given.n} pictures of {SIDE} × {SIDE}, made in {time.monotonic() - start:.0f} s")
    shutil.rmtree(folder / "thumbs", ignore_errors=True)
    if given.raters:
        compare_raters(folder, given.raters, given.seconds)
        return
    chromium = os.environ.get("SOART_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        start = time.monotonic()
        with Gallery(folder) as server:
            print(f"start, until the address is printed: {time.monotonic() - start:.2f} s")
            views = [first_view(visit(browser, server), server.address) for _ in range(RUNS)]
            print(
                f"first view: {views[0]:.2f} s without thumbnails, then median {np.median(views[1:]):.2f} s (goal 1.5 s)"
            )
            page = visit(browser, server)
            frames, waits = scrolling(page, server.address)
            print(
                f"scrolling: median frame {np.median(frames):.0f} ms, 95th percentile {np.quantile(frames, 0.95):.0f} ms, longest {frames.max():.0f} ms; "
                f"after a jump all in sight is drawn in {np.median(waits):.0f} ms (median; longest {waits.max():.0f} ms, thumbnails made on the way)"
            )
            for asked, milliseconds in filtering(server, RUNS).items():
                print(f"ids of all pictures with {asked}: {milliseconds:.0f} ms")
            times = key_presses(page, server.address, PRESSES)
            print(
                f"key press to next picture over {len(times)}: median {np.median(times):.0f} ms, 95th percentile {np.quantile(times, 0.95):.0f} ms, longest {times.max():.0f} ms (goal 150 ms)"
            )
            browser.close()
    with Gallery(folder) as server:
        every = max(1, RATINGS // 10)
        start = time.monotonic()
        memory = rate_many(server, RATINGS, every)
        print(
            f"{RATINGS} ratings in {time.monotonic() - start:.0f} s; resident MB after every {every}: "
            + " ".join(f"{m:.0f}" for m in memory)
        )


if __name__ == "__main__":
    main()
