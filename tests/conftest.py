import os

os.environ["HF_HUB_OFFLINE"] = "1"
if "PYTEST_XDIST_WORKER" in os.environ:
    # As many tests run as there are cores: more threads would only wait for each other.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import gc
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
import uuid
from itertools import filterfalse, zip_longest
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image, ImageFilter
from specimens.learning import SharedProcess
from specimens.noise import drawn_noise
from specimens.nursery import Nursery
from specimens.scanning import Here
from sqlalchemy import func, make_url, update

from soart.metrics.damage.technical import TechnicalJudge
from soart.metrics.tastes.taste import learn_taste
from soart.pipelines.collection.collection import Collection
from soart.pipelines.collection.tables import FileRow
from soart.pipelines.evaluation.folders import sync_and_evaluate
from soart.pipelines.ingest import fork_server
from soart.pipelines.ingest.file_rows import store_inspections
from soart.pipelines.ingest.inspection import inspect_file
from soart.pipelines.ingest.scan import Scan
from soart.pipelines.judges.finding import judges_for, kinds_of
from soart.pipelines.models import loading
from soart.pipelines.models.generator import ImageGenerator
from soart.pipelines.models.loading import load_model
from soart.pipelines.models.request import EMBEDDED_STEPS, DrawnPicture, Request
from soart.pipelines.support.processes import cores

# The same examples in every run, however slow the machine; `pytest --hypothesis-profile=default` looks for new ones.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")

#: Fixtures and modules whose tests wait for other programs.
WAITING = {"browser", "test_ray_engine.py", "test_ray_judging.py"}

HERE = Path(__file__).parent
#: Fixtures and modules that ``make quick`` leaves out.
PATIENT = {*WAITING, "embedded", "generator"}
#: Rooms whose own tests must cover them (`make coverage`). Tracing takes long, so other tests and those that draw run
#: without.
COVERED = [HERE / room for room in ("metrics", "pipelines", "prompts")]
DRAWING = {"embedded", "generator"}


def pytest_configure(config):
    """Keep what is measured of folders out of the user's own data folder."""
    os.environ["XDG_DATA_HOME"] = config.soart_data = tempfile.mkdtemp(prefix="soart-tests-")


def pytest_unconfigure(config):
    """Remove what the tests have stored."""
    shutil.rmtree(config.soart_data, ignore_errors=True)


def pytest_xdist_auto_num_workers():
    """One more than there are cores, because tests also wait for browsers, servers and clusters."""
    return None if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ else cores() + 1


def pytest_collection_modifyitems(items):
    """Alternate files that wait for other programs with others, those with the most tests first; each goes to one worker."""
    files = {}
    for item in items:
        files.setdefault(item.path, []).append(item)

    def waits(path):
        return not WAITING.isdisjoint({path.name}.union(*(getattr(test, "fixturenames", ()) for test in files[path])))

    ordered = sorted(files, key=lambda path: (path.parent != HERE, -len(files[path])))
    by_turns = zip_longest(filter(waits, ordered), filterfalse(waits, ordered))
    items[:] = [test for pair in by_turns for path in pair if path for test in files[path]]
    for test in items:
        draws = not DRAWING.isdisjoint(getattr(test, "fixturenames", ()))
        if draws or not any(test.path.is_relative_to(room) for room in COVERED):
            test.add_marker(pytest.mark.no_cover)
        if not PATIENT.isdisjoint({test.path.name, *getattr(test, "fixturenames", ())}):
            test.add_marker(pytest.mark.patient)


def pytest_collection_finish():
    """Leave what the imports made out of later garbage collections, each of which would take half a second."""
    gc.collect()
    gc.freeze()


#: Of the validation of a taste.
USUAL_REPEATS = learn_taste.__kwdefaults__["repeats"]
ASSETS = HERE / "assets"
#: The headless shell, where there is one, takes a quarter less time than the whole browser.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser")
CHROMIUM = os.environ.get("SOART_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)


@pytest.fixture(scope="session")
def process():
    """The process that learns."""
    process = SharedProcess()
    yield process
    process.end()


@pytest.fixture(scope="session")
def nursery():
    """A process whose children are killed."""
    nursery = Nursery()
    yield nursery
    nursery.end()


@pytest.fixture(scope="session", autouse=True)
def little_effort():
    """A quarter of the usual steps of the embedded model, and tastes that are validated once: both take most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loading, "EMBEDDED_STEPS", EMBEDDED_STEPS // 4)
        patch.setitem(learn_taste.__kwdefaults__, "repeats", 1)
        yield


@pytest.fixture(scope="session", autouse=True)
def no_early_workers():
    """Commands that run in the process of the tests start no workers ahead, which would import PyTorch for nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fork_server, "look_new", lambda paths: False)
        yield


@pytest.fixture
def usual_effort(monkeypatch):
    """The usual steps of models that a test loads, and trust from all repetitions, as users get them."""
    monkeypatch.setattr(loading, "EMBEDDED_STEPS", EMBEDDED_STEPS)
    monkeypatch.setitem(learn_taste.__kwdefaults__, "repeats", USUAL_REPEATS)


@pytest.fixture(scope="session")
def embedded():
    return load_model(device="cpu")


@pytest.fixture
def generator(embedded):
    return ImageGenerator(embedded)


@pytest.fixture(scope="session")
def judge():
    return TechnicalJudge.load()


@pytest.fixture
def collection(tmp_path):
    with Collection(tmp_path / "collection") as store:
        yield store


@pytest.fixture
def small_disk(tmp_path):
    """Mounts a disk of some bytes, which is easily full; skips where that is not allowed."""
    folder = tmp_path / "small disk"

    def mount(size):
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("only an administrator may mount a disk here")
        return folder

    yield mount
    if folder.is_mount():
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def postgres(tmp_path):
    """URL of an empty database on the PostgreSQL server of SOART_TEST_POSTGRES; dropped afterwards."""
    server = os.environ.get("SOART_TEST_POSTGRES")
    if not server:
        pytest.skip("SOART_TEST_POSTGRES names no PostgreSQL server; .ci/postgres starts one")
    psycopg = pytest.importorskip("psycopg")
    name = f"soart_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as administrator:
        administrator.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        url = make_url(server).set(database=name).update_query_dict({"pictures": str(tmp_path / "pictures")})
        yield url.render_as_string(hide_password=False)
        administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request, tmp_path):
    """A place for a new collection, on each kind of database."""
    return tmp_path / "collection" if request.param == "sqlite" else request.getfixturevalue("postgres")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def together():
    """Run ``work(number)`` in several processes that start at the same moment; all must end well."""

    def run(work, processes=4):
        gate, opener = os.pipe()
        children = []
        for number in range(processes):
            child = os.fork()
            if child == 0:
                code = 1
                signal.alarm(240)
                try:
                    os.close(opener)
                    os.read(gate, 1)
                    work(number)
                    code = 0
                except BaseException:
                    traceback.print_exc(file=sys.__stderr__)
                finally:
                    os._exit(code)
            children.append(child)
        os.close(gate)
        os.close(opener)
        assert [os.waitpid(child, 0)[1] for child in children] == [0] * processes

    return run


@pytest.fixture
def make_drawn():
    """Pictures of noise as if drawn for a request, without the cost of drawing."""
    return drawn_noise


@pytest.fixture(scope="session")
def paint():
    """Files of noise in a folder: in colour, or grey."""

    def make(folder, count, seed, *, vivid):
        folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(seed)
        for i in range(count):
            pixels = rng.integers(40, 215, (20, 20, 3), dtype=np.uint8)
            if not vivid:
                pixels[:] = pixels.mean(axis=2, keepdims=True).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{seed}-{i}.png")
        return folder

    return make


def scene(seed, side=96):
    """Edges and colours at many scales, as (side, side, 3) uint8."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (96, 96), tuple(rng.integers(0, 256, 3)))
    for size in (48, 24, 12, 6):
        small = rng.integers(0, 256, (96 // size, 96 // size, 3), dtype=np.uint8)
        image = Image.blend(image, Image.fromarray(small).resize((96, 96), Image.Resampling.NEAREST), 0.45)
    if seed % 4 == 3:
        image = image.filter(ImageFilter.GaussianBlur(2.5))
    return np.asarray(image.resize((side, side)))


@pytest.fixture(scope="session")
def make_untidy(tmp_path_factory):
    """Collections of sixteen different pictures, every fourth one blurred, a reduced copy of the fifth and the sixth one, and a failed one."""
    drawn = tmp_path_factory.mktemp("drawn") / "untidy"
    sizes = [(seed, 96) for seed in range(16)] + [(4, 48), (5, 48)]
    scenes = [
        DrawnPicture(Request(f"scene {seed} of {side}", seed, width=side, height=side), scene(seed, side), None, 0.1)
        for seed, side in sizes
    ]
    black = np.zeros((48, 48, 3), np.uint8)
    failed = DrawnPicture(Request("failed", 99, width=48, height=48), black, "all black", 0.1)
    with Collection(drawn) as collection:
        collection.add_drawn([*scenes, failed], "m", "s")
    return lambda folder: shutil.copytree(drawn, folder)


def copies_of(collection):
    """A function that makes copies of a collection whose pictures were read at their places in it."""

    def make(folder):
        shutil.copytree(collection, folder)
        with Collection(folder) as copy, copy.session("be written", write=True) as session:
            session.execute(update(FileRow).values(path=func.replace(FileRow.path, str(collection), str(folder))))
        return folder

    return make


@pytest.fixture(scope="session")
def make_measured(make_untidy, tmp_path_factory):
    """Untidy collections whose pictures are measured, which takes long, and not evaluated."""
    measured = make_untidy(tmp_path_factory.mktemp("measured") / "untidy")
    for path in (measured / "images").iterdir():
        # What was written just now is measured again.
        os.utime(path, (0, path.stat().st_mtime - 60))
    with Collection(measured) as collection:
        files = [file for file in Scan([measured / "images"]) if not file.sidecar]
        kinds = [None, *kinds_of(judges_for())]
        store_inspections(collection, None, [(inspect_file(file.path, kinds), file) for file in files])
    return copies_of(measured)


@pytest.fixture(scope="session")
def make_evaluated(make_measured, tmp_path_factory):
    """Untidy collections that are evaluated."""
    evaluated = make_measured(tmp_path_factory.mktemp("evaluated") / "untidy")
    with Collection(evaluated) as collection:
        sync_and_evaluate(collection, Scan([evaluated / "images"]), Here())
    return copies_of(evaluated)


@pytest.fixture
def untidy(make_measured, tmp_path):
    """An untidy collection whose pictures are measured."""
    return make_measured(tmp_path / "untidy")


# Not of the whole session: while Playwright is at work, no other test could run an event loop in this thread.
@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium here: apt-get install chromium-headless-shell, or set SOART_CHROMIUM")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=240_000)
        yield found
        found.close()


@pytest.fixture
def come(browser):
    """Pages of people of their own; what the browser complains of fails the test."""
    contexts, complaints = [], []

    def open_page(**options):
        context = browser.new_context(viewport={"width": 1280, "height": 860}, **options)
        contexts.append(context)
        # Patience for busy machines, also in further tabs; on a quiet one nothing takes a second.
        context.set_default_timeout(400_000)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda m: complaints.append(m.text) if "Content Security Policy" in m.text else None)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="session")
def red_and_green(tmp_path_factory):
    """Eight reddish gradients and eight pictures of green noise."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 1, 64)[None, :, None] * np.ones((64, 1, 1))
    for k in range(8):
        red = ramp * [200, 40 + 5 * k, 30] + rng.normal(0, 2, (64, 64, 3))
        green = rng.normal(90, 60, (64, 64, 1)) * [0.2, 1 - k / 40, 0.3]
        for name, values in (("red", red), ("green", green)):
            Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)).save(folder / f"{name}{k}.png")
    return folder


@pytest.fixture(scope="session")
def acme_site(tmp_path_factory):
    """A folder with a package of somebody else's, as an installer leaves it, with judges at entry points."""
    site = tmp_path_factory.mktemp("site")
    (site / "acme_judge-2.5.dist-info").mkdir()
    (site / "acme_judge.py").write_text((Path(__file__).parent / "pipelines" / "judges" / "acme_judge.txt").read_text())
    (site / "acme_judge-2.5.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: acme-judge\nVersion: 2.5\n"
    )
    (site / "acme_judge-2.5.dist-info" / "entry_points.txt").write_text(
        "[soart.judges]\nredness = acme_judge:Redness\nbroken = acme_judge:Broken\nready = acme_judge:ready\n"
        "adherence = acme_judge:Redness\n"
    )
    return site


@pytest.fixture
def package(acme_site, tmp_path, monkeypatch):
    """Install the package of somebody else's for a test."""
    monkeypatch.syspath_prepend(acme_site)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    yield acme_site
    sys.modules.pop("acme_judge", None)
