"""The real ComfyUI server, started on loopback for the tests and used over HTTP alone."""

import io
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from pathlib import Path

import numpy as np
from PIL import Image

from .comfy_standin import Ran

_START, _RUN = 240, 300


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A server whose custom nodes are the packs linked into ``base``/custom_nodes."""

    def __init__(self, comfy, base, environment):
        self.port, self.log = _free_port(), base / "server.log"
        self.base, self.address = base, f"http://127.0.0.1:{self.port}"
        own = [str(python) for name in (".venv", "venv") if (python := Path(comfy) / name / "bin/python").exists()]
        python = os.environ.get("COMFYUI_PYTHON") or [*own, sys.executable][0]
        command = [
            python, str(Path(comfy) / "main.py"), "--cpu", "--fp32-text-enc", "--use-pytorch-cross-attention", "--disable-auto-launch",
            "--listen", "127.0.0.1", "--port", str(self.port), "--base-directory", str(base), "--disable-api-nodes",
        ]  # fmt: skip
        self._stream = self.log.open("w")
        self.process = subprocess.Popen(
            command, stdout=self._stream, stderr=subprocess.STDOUT, cwd=comfy, env={**os.environ, **environment}
        )
        until = time.monotonic() + _START
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise RuntimeError(f"ComfyUI ended with {self.process.returncode}:\n{self.log.read_text()[-4000:]}")
            try:
                self.get("/system_stats")
                return
            except OSError:
                time.sleep(0.5)
        self.close()
        raise RuntimeError(f"ComfyUI did not start:\n{self.log.read_text()[-4000:]}")

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(240)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._stream.close()

    def get(self, path):
        with urllib.request.urlopen(self.address + path, timeout=240) as answer:
            return answer.read()

    def json(self, path):
        return json.loads(self.get(path))

    def post(self, path, document):
        request = urllib.request.Request(
            self.address + path, json.dumps(document).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=240) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    def send(self, path, document):
        """POST a document; returns status and the document of the answer."""
        try:
            return 200, self.post(path, document)
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def run(self, prompt, extra_pnginfo=None):
        more = {"extra_data": {"extra_pnginfo": extra_pnginfo}} if extra_pnginfo else {}
        answer = self.post("/prompt", {"prompt": prompt, "client_id": uuid.uuid4().hex, **more})
        until = time.monotonic() + _RUN
        while time.monotonic() < until:
            history = self.json(f"/history/{answer['prompt_id']}").get(answer["prompt_id"])
            if history:
                return self._result(prompt, history, answer["node_errors"])
            time.sleep(0.1)
        raise RuntimeError(f"The run did not end:\n{self.log.read_text()[-4000:]}")

    def _result(self, prompt, history, errors):
        messages = dict(history["status"]["messages"])
        cached = set(messages["execution_cached"]["nodes"])
        error = messages.get("execution_error", {}).get("exception_message", "").strip()
        ok = history["status"]["status_str"] == "success"
        outputs = {key: shown for key, shown in history["outputs"].items() if key in prompt}
        return Ran(ok, outputs, error, set(prompt) - cached, errors)

    def image(self, entry):
        query = urllib.parse.urlencode(entry)
        return np.asarray(Image.open(io.BytesIO(self.get(f"/view?{query}"))))
