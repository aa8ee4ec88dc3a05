"""Takes pictures of the documentation anew: docs/web/*.jpg, docs/first-five-*.jpg and docs/demo-*.jpg in headless Chromium, and docs/default-judge.png.

    python docs/take_pictures.py [--work DIR] [NAME ...]

It needs Playwright and Chromium, as the tests do, and takes some five minutes. With ``--work`` the collection is kept in
DIR and used again. Names such as ``tune-phone``, ``walk``, ``first-five``, ``demo`` or ``default-judge`` take only these pictures; the
last one needs no browser.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib import get_data_path
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from playwright.sync_api import Browser, Page, sync_playwright

from soart.pipelines import demo
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.ratings import rate
from soart.pipelines.generate import generate, plan
from soart.pipelines.judges.finding import guarded, judges_for
from soart.pipelines.judges.ranking import rank
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.models.loading import load_model
from soart.pipelines.scoring.pictures import StoredPictures
from soart.pipelines.scoring.taste_judge import TasteJudge
from soart.pipelines.scoring.taste_store import TasteStore
from soart.pipelines.support.judge_names import TASTES_FOLDER
from soart.pipelines.tastes import learning as tastes

HERE = Path(__file__).parent
TEMPLATE = "a {sharp|blurry|noisy} __subject__ in __palette__, __style__"
#: Prompts, pictures of each, and those that each person rates.
PROMPTS, SEEDS, RATED = 40, 4, 60
SPACE = """template: a {subject} in {palette} colors, {style}
slots:
  subject: [castle, fox, owl, boat]
  palette: [warm, cool, neon, pastel]
  style: [ink sketch, flat, watercolor]
  guidance: {low: 1, high: 7, step: 1}
"""
BUDGET = 48
#: What the default judge is shown on, its pictures, those in a row, their side in the sheet and that of their places.
TUNED, TUNED_BUDGET, BEST, SIDE, PLACE = "a fox in the snow", 36, 6, 128, (140, 166)
#: Pictures that are not views of the gallery.
OTHERS = {"walk", "first-five", "demo", "default-judge"}
#: Longest wait for anything, in milliseconds.
WAIT = 400_000
DESKTOP, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}


def fill(folder: Path) -> None:
    """Draw pictures into a collection, let two people of opposite tastes rate them, and learn both tastes."""
    with Collection(folder) as collection:
        generator = ImageGenerator(load_model("embedded"))
        prompts = plan(TEMPLATE, PROMPTS, generator, seed=demo.SEED, prompt_seed=demo.SEED)
        requests = [replace(request, seed=request.seed + 1000 * k) for request in prompts for k in range(SEEDS)]
        judges = judges_for()
        rows = generate(collection, generator, requests, [judge for judge, _ in judges]).rows
        rank(StoredPictures(collection, rows), judges)
        opinions = demo.opinion(collection, rows)
        rng = np.random.default_rng(demo.SEED)
        for name, opinion in (("ann", opinions), ("ben", 6 - opinions)):
            places = rng.choice(len(rows), RATED, replace=False)
            stars = np.clip(np.round(opinion + rng.normal(0, 0.4, len(rows))), 1, 5)
            rate(collection, name, {rows[k].id: float(stars[k]) for k in places})
            taste = tastes.learn(name, collection, tastes.Sources(rater=name)).taste
            TasteStore(collection.file(TASTES_FOLDER)).save(taste)
            rank(StoredPictures(collection, rows), [(guarded(TasteJudge.of(taste)), 1.0)])


@contextmanager
def served(work: Path, *arguments: str, command: str = "web") -> Iterator[str]:
    """Run ``soart web``, or ``soart start``; yields the address with the owner's token."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    homes = {name: str(work / name) for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")}
    line = [sys.executable, "-m", "soart.plugin.cli", command, *arguments, "--no-open", "--port", str(port)]
    process = subprocess.Popen(line, cwd=work, env={**os.environ, **homes}, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield next(text for text in process.stdout if text.startswith("soart web: ")).split()[2]
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def save(page: Page, name: str, height: int = 0) -> None:
    """Write what a page shows, or its first ``height`` pixels, once its pictures are there and nothing moves."""
    page.wait_for_function("() => [...document.images].every(i => i.complete || i.loading === 'lazy')")
    if name != "walk-undone":
        page.wait_for_selector("#jobs", state="hidden")
    page.wait_for_timeout(700)
    content = page.screenshot(full_page=bool(height), animations="disabled")
    picture = Image.open(io.BytesIO(content)).convert("RGB")
    if height:
        picture = picture.crop((0, 0, picture.width, min(height, picture.height)))
    picture.save(HERE / "web" / f"{name}.jpg", quality=82, optimize=True)
    print(name, *picture.size)


def gallery(page: Page, base: str) -> None:
    """All pictures, the best first."""
    page.goto(f"{base}/gallery?sort=score")
    page.wait_for_selector("#grid img")


def picture(page: Page, base: str) -> None:
    """One picture under its heat map."""
    gallery(page, base)
    page.click("[data-number='1'] .cell")
    page.wait_for_selector("#viewer [data-heat]")
    page.click("#viewer [data-heat]")
    page.wait_for_function("() => document.querySelector('#viewer-image').src.includes('/heat/')")


def selection(page: Page, base: str) -> None:
    """Three pictures selected."""
    gallery(page, base)
    page.click("#select")
    for number in (0, 1, 4):
        page.click(f"[data-number='{number}'] .cell")


def rating(page: Page, base: str) -> None:
    """The next picture to rate."""
    page.goto(f"{base}/rate")
    page.wait_for_selector("#trust:not(:empty)")


def compare(page: Page, base: str) -> None:
    """Two pictures, and the differences of their prompts."""
    page.goto(f"{base}/compare")
    page.click("#pool .primary")
    page.wait_for_selector(".choice img")
    page.wait_for_selector("#differences:not([hidden])")


def keepers(page: Page, base: str) -> None:
    """Groups of one prompt."""
    page.goto(f"{base}/keepers")
    page.wait_for_selector(".group img")


def generation(page: Page, base: str) -> None:
    """The form that draws pictures."""
    page.goto(f"{base}/generate")
    page.fill("[name=prompt]", "a {fox|owl} in cool colors, __style__")


def tune(page: Page, base: str) -> None:
    """A finished tune, started if there is none."""
    page.goto(f"{base}/tune")
    page.wait_for_selector("#start:not([hidden]), #run:not([hidden])")
    if page.is_visible("#start"):
        page.fill("[name=text]", SPACE)
        page.fill("[name=budget]", str(BUDGET))
        for box in page.query_selector_all("[name=by]"):
            box.set_checked(box.get_attribute("value") in ("ann", "technical"))
        page.check("[name=pareto]")
        page.click("#start .primary")
    page.wait_for_function("() => document.querySelector('#state').textContent.startsWith('Done')", timeout=WAIT)
    page.wait_for_selector("#findings .chart")


def taste(page: Page, base: str) -> None:
    """A taste with its learning curve."""
    page.goto(f"{base}/taste?name=ann")
    page.wait_for_selector("#curve")
    if page.query_selector("#score"):
        page.click("#score")
        page.wait_for_selector("#score", state="detached", timeout=WAIT)


def evaluate(page: Page, base: str) -> None:
    """The evaluation, made if there is none."""
    page.goto(f"{base}/evaluate")
    page.wait_for_function(
        "() => document.querySelector('#state').textContent || document.querySelector('#findings .chart')"
    )
    if not page.query_selector("#findings .chart"):
        page.click("#ask .primary")
    page.wait_for_selector("#findings .chart")


def collections(page: Page, base: str) -> None:
    """The collections of the server."""
    page.goto(f"{base}/../../collections")
    page.wait_for_selector(".card")


#: Views, with the height of the picture on a desktop and on a phone; 0 for one screen.
VIEWS: dict[str, tuple[Callable[[Page, str], None], int, int]] = {
    "gallery": (gallery, 0, 0),
    "picture": (picture, 0, 0),
    "selection": (selection, 0, 0),
    "rate": (rating, 0, 0),
    "compare": (compare, 0, 0),
    "generate": (generation, 0, 0),
    "tune": (tune, 2000, 2600),
    "taste": (taste, 1200, 1900),
    "evaluate": (evaluate, 1300, 1700),
    "collections": (collections, 0, 0),
}


def take_views(browser: Browser, address: str, names: list[str]) -> None:
    """Every view on a desktop in the light, and on a phone in the dark."""
    for device, size, scheme in (("desktop", DESKTOP, "light"), ("phone", PHONE, "dark")):
        context = browser.new_context(viewport=size, color_scheme=scheme, has_touch=device == "phone")
        page = context.new_page()
        page.set_default_timeout(WAIT)
        page.goto(address)
        page.click("#who")
        page.fill("#who-dialog [name=rater]", "ann")
        page.click("#who-dialog .primary")
        page.wait_for_selector("#who:has-text('ann')")
        base = page.url.partition("?")[0].rpartition("/")[0]
        evaluate(page, base)
        for view, (show, *heights) in VIEWS.items():
            name = f"{view}-{device}"
            if not names or {name, view} & set(names):
                show(page, base)
                save(page, name, heights[device == "phone"])
        context.close()


def take_walk(browser: Browser) -> None:
    """The walk by keyboard that a test takes, through drawn pictures, in a home of its own."""
    tests = HERE.parent / "tests"
    sys.path[:0] = [str(tests), str(tests / "plugin" / "web")]
    from test_walk import Keyboard, walk

    names = {
        "stacks": "stacks", "keepers": "keepers", "export": "selected", "compare": "compare", "variations": "variations", "undone": "undone",
    }  # fmt: skip
    page = browser.new_page(viewport={"width": 960, "height": 600}, color_scheme="light")
    page.on("dialog", lambda question: question.accept())
    page.set_default_timeout(WAIT)
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / "pictures"
        folder.mkdir()
        with Collection(Path(home) / "drawn") as collection:
            generator = ImageGenerator(load_model("embedded"))
            prompts = plan("a __subject__, __style__", 8, generator, seed=3, prompt_seed=3)
            requests = [replace(r, seed=r.seed + 1000 * k) for r in prompts for k in range(3)]
            for row in generate(collection, generator, requests).rows:
                shutil.copy(collection.locate(row), folder)
        with served(Path(home), str(folder)) as address:
            walk(page, Keyboard(page), address, 8, 3, lambda name: name in names and save(page, f"walk-{names[name]}"))
    page.close()


def write_first_five(folder: Path) -> None:
    """Write the pictures that come with soart; one is blurred, and two have a compressed copy."""
    demo.copy_samples(folder)
    first, second, third = sorted(folder.iterdir())[5::10]
    Image.open(first).convert("RGB").filter(ImageFilter.GaussianBlur(4)).save(first)
    for path in (second, third):
        Image.open(path).convert("RGB").save(path.with_suffix(".jpg"), quality=15)


def take_first_five(browser: Browser) -> None:
    """``soart start`` for somebody who likes cars and cities, and the reports of ``soart rank`` and ``soart evaluate``."""
    page = browser.new_page(viewport={"width": 1000, "height": 760}, color_scheme="light")
    page.set_default_timeout(WAIT)
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / "pictures"
        demo.copy_samples(folder)
        with served(Path(home), str(folder), command="start") as address:
            page.goto(address)
            for number in range(16):
                page.wait_for_function(
                    f"() => document.querySelector('#counts').textContent.includes('{number} of 16')"
                )
                page.wait_for_selector("#picture[data-id]")
                # As long as a person looks: the taste is learnt meanwhile.
                page.wait_for_timeout(3000)
                if number == 5:
                    save(page, "../first-five-start")
                liked = any(word in page.inner_text("#prompt").lower() for word in ("car", "city", "sign"))
                page.keyboard.press("5" if liked else "2")
            page.wait_for_function("() => document.querySelectorAll('#best .strip.best .thumb').length > 11")
            page.wait_for_timeout(8000)
            save(page, "../first-five-best", 1000)
    page.close()
    page = browser.new_page(viewport={"width": 900, "height": 1100}, color_scheme="light")
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / "pictures"
        folder.mkdir()
        write_first_five(folder)
        homes = dict.fromkeys(("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"), home)
        for command, height in (("rank", 1100), ("evaluate", 1560)):
            report = Path(home) / f"{command}.html"
            line = [sys.executable, "-m", "soart.plugin.cli", command, str(folder), "--report", str(report)]
            subprocess.run(line, cwd=home, env={**os.environ, **homes}, stdout=subprocess.DEVNULL, check=True)
            page.goto(report.as_uri())
            save(page, f"../first-five-{command}", height)
    page.close()


def take_demo(browser: Browser) -> None:
    """The pages of ``soart demo``: the best of its ranking, and the beginning of its tune."""
    page = browser.new_page(viewport={"width": 900, "height": 1100}, color_scheme="light")
    with tempfile.TemporaryDirectory() as home:
        line = [sys.executable, "-m", "soart.plugin.cli", "demo"]
        homes = dict.fromkeys(("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"), home)
        subprocess.run(line, cwd=home, env={**os.environ, **homes}, stdout=subprocess.DEVNULL, check=True)
        for name, report, height in (("rank", "pictures", 900), ("tune", "tune", 900)):
            page.goto((Path(home) / "soart-demo" / f"{report}.html").as_uri())
            save(page, f"../demo-{name}", height)
    page.close()


def take_default_judge() -> None:
    """The best and the worst pictures of a tune by the default judge, with their points."""
    with tempfile.TemporaryDirectory() as home:
        homes = dict.fromkeys(("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"), home)
        line = [sys.executable, "-m", "soart.plugin.cli", "tune", TUNED, "--budget", str(TUNED_BUDGET)]
        line += ["--collection", "foxes"]
        subprocess.run(line, cwd=home, env={**os.environ, **homes}, stdout=subprocess.DEVNULL, check=True)
        with Collection(Path(home) / "foxes") as collection:
            rows = collection.images()
            points = collection.scores(guarded("overall").stored_name)
            ranked = sorted((row for row in rows if row.id in points), key=lambda row: -points[row.id])
            shown = [
                (Image.open(collection.locate(row)).convert("RGB"), points[row.id], row.generation.prompt)
                for row in ranked[:BEST] + ranked[-BEST:]
            ]
    width, height = PLACE
    sheet = Image.new("RGB", (BEST * width, 2 * height), "white")
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.truetype(Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", 10)
    for number, (picture, score, prompt) in enumerate(shown):
        left, top = 6 + width * (number % BEST), 6 + height * (number // BEST)
        sheet.paste(picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC), (left, top))
        text = f"{score:.0f} {prompt.removeprefix(TUNED).strip(', ')}"
        for place, words in enumerate(textwrap.wrap(text, 24)[:2]):
            pen.text((left, top + SIDE + 3 + 11 * place), words, fill="black", font=font)
    sheet.save(HERE / "default-judge.png", optimize=True)
    print("default-judge", *sheet.size)


def main() -> None:
    """Take the pictures that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="pictures to take; by default all")
    parser.add_argument("--work", type=Path, help="folder of the collection, to use it again")
    chosen = parser.parse_args()
    wanted = {name: not chosen.names or name in chosen.names for name in OTHERS}
    views = not chosen.names or bool(set(chosen.names) - OTHERS)
    if wanted["default-judge"]:
        take_default_judge()
    if not (views or wanted["walk"] or wanted["first-five"] or wanted["demo"]):
        return
    work = chosen.work or Path(tempfile.mkdtemp())
    work.mkdir(parents=True, exist_ok=True)
    try:
        folder = work / "holiday"
        if views and not folder.exists():
            fill(folder)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium") or shutil.which("chromium-headless-shell")
            )
            if views:
                with served(work, folder.name) as address:
                    take_views(browser, address, chosen.names)
            if wanted["walk"]:
                take_walk(browser)
            if wanted["first-five"]:
                take_first_five(browser)
            if wanted["demo"]:
                take_demo(browser)
            browser.close()
    finally:
        if not chosen.work:
            shutil.rmtree(work)


if __name__ == "__main__":
    main()
