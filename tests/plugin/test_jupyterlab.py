"""The example notebook in a real JupyterLab, which belongs to no extra: rated by clicks and keys, and run to its end."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
pytest.importorskip("jupyterlab")
pytest.importorskip("anywidget")
expect = pytest.importorskip("playwright.sync_api").expect

NOTEBOOK = Path(__file__).parents[2] / "examples/rate_in_the_notebook.ipynb"
#: Milliseconds that a cell may take.
PATIENCE = 300_000


@pytest.fixture
def laboratory(tmp_path):
    """Address of the notebook in JupyterLab."""
    shutil.copy(NOTEBOOK, tmp_path)
    settings = ["--no-browser", "--port=0", "--allow-root", f"--ServerApp.root_dir={tmp_path}", "--LabApp.news_url="]
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")}
    with subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *settings], env=environment, stderr=subprocess.PIPE, text=True
    ) as server:
        started = next(filter(None, (re.search(r"(http\S+:\d+/lab)(\?token=\w+)", line) for line in server.stderr)))
        yield f"{started[1]}/tree/{NOTEBOOK.name}{started[2]}"
        server.terminate()
        server.stderr.read()


def test_the_notebook_is_rated_and_run_in_jupyterlab(browser, laboratory):
    page = browser.new_page(viewport={"width": 1200, "height": 1600})
    page.set_default_timeout(PATIENCE)
    page.goto(laboratory)

    def run(text):
        """Run the cell with this text, and wait for its end."""
        cell = page.locator(".jp-CodeCell", has_text=text).first
        cell.locator(".cm-content").first.click()
        page.keyboard.press("Control+Enter")
        expect(cell.locator(".jp-InputPrompt").first).to_have_text(re.compile(r"\[\d+\]"), timeout=PATIENCE)
        assert page.locator("[data-mime-type='application/vnd.jupyter.error']").count() == 0
        return cell

    assert run("pipe.best_of(").locator(".jp-OutputArea img").count() == 6
    widget = run("RatePictures(best)").locator(".soart-rating")
    widget.locator("button[aria-label='5 of 5 stars']").click()
    for key in ("5", "4", "1", "2", "n"):
        widget.press(key)
    assert "6 of 6 rated" in widget.inner_text()
    assert "3 liked and 3 disliked pictures" in run("rate.taste(").locator(".jp-OutputArea").first.inner_text()
    run("WatchTune()")
    run("pipe.tune(")
    assert "4 of 4 pictures" in page.locator(".soart-watching").inner_text()
    assert run("findings.to_pandas()").locator("table").count() == 1
    if "SOART_SCREENSHOT" in os.environ:
        page.screenshot(path=os.environ["SOART_SCREENSHOT"])
