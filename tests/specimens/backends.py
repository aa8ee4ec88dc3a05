"""Small servers that speak the interfaces of Automatic1111's web UI and of ComfyUI, and draw by arithmetic."""

import base64
import contextlib
import hashlib
import io
import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
from PIL import Image

from soart.pipelines.models.opening import open_generator
from soart.pipelines.models.options import GeneratorOptions


def painted(width, height, *facts):
    """Noise (PNG) that depends on all facts and on nothing else."""
    seed = int.from_bytes(hashlib.sha256(json.dumps(facts).encode()).digest()[:8], "big")
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def _trickle(self, count):
        """Send a byte every now and then, until the client has gone away."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            for _ in range(count):
                self.wfile.write(b" ")
                time.sleep(0.1)

    def _answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        backend = self.server.backend
        path = urlsplit(self.path)
        backend.requests.append((self.command, path.path, body, dict(self.headers)))
        failure = backend.failures.get(path.path) or backend.failures.get("*")
        if failure == "break":
            # A server that dies in the middle of its answer.
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"{")
            self.wfile.flush()
            self.connection.close()
            self.close_connection = True
            return
        if failure == "trickle":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self._trickle(1000)
            return
        if failure == "trickle head":
            self.wfile.write(b"HTTP/1.1 200 ")
            self._trickle(1000)
            return
        if path.path == "/ws" and failure is None and getattr(backend, "frames", None):
            self._push(backend)
            return
        status, content = failure or backend.answer(self.command, path.path, parse_qs(path.query), body)
        content = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", content.decode())
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _push(self, backend):
        """Push frames over a WebSocket once a run is queued, and wait for the answer to each ping."""
        self.close_connection = True
        key = self.headers["Sec-WebSocket-Key"].encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key).digest()).decode())
        self.end_headers()
        name = backend.queued.get(timeout=240)
        for head, content in backend.frames(name):
            size = len(content)
            length = bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big")
            self.wfile.write(bytes([head]) + length + content)
            self.wfile.flush()
            if head == 0x89:
                answer = self.rfile.read(6 + size)
                assert answer[:2] == bytes([0x8A, 0x80 | size])
                backend.pongs.append(bytes(byte ^ answer[2 + at % 4] for at, byte in enumerate(answer[6:])))
        backend.pushed.add(name)

    do_GET = do_POST = _answer  # noqa: N815


class A1111:
    """A web UI with two checkpoints; ``failures`` are answered instead, by path or for all as ``*``, such as ``"trickle head"``.

    ``follows`` is False for a version that keeps its checkpoint; None for ``loras`` or ``fields`` that it does not list.
    """

    kind = "a1111"

    def __init__(self):
        self.failures, self.requests, self.follows, self.loras = {}, [], True, ["ink"]
        self.fields, self.steps, self.step_seconds, self.at, self.interrupted, self.before = None, 0, 0.1, 0, 0, 0
        self.options = {"sd_model_checkpoint": "sub/dreamy_v2.safetensors [0123456789]", "sd_vae": "Automatic"}
        self.models = [
            {"title": "sub/dreamy_v2.safetensors [0123456789]", "model_name": "sub_dreamy_v2", "hash": "0123456789",
             "sha256": "0123456789ab", "filename": "C:\\models\\sub\\dreamy_v2.safetensors"},
            {"title": "photoXL.safetensors", "model_name": "photoXL", "hash": None, "sha256": None, "filename": "photoXL.safetensors"},
        ]  # fmt: skip

    def answer(self, method, path, query, body):
        name = path.removeprefix("/sdapi/v1/")
        if name == "options":
            return 200, self.options
        if name == "loras" and self.loras is not None:
            return 200, [{"name": one, "alias": f"{one}_v1", "path": f"/loras/{one}.safetensors"} for one in self.loras]
        if name == "sd-models":
            return 200, self.models
        if name == "samplers":
            return 200, [{"name": n, "aliases": [n.lower()], "options": {}} for n in ("Euler", "DPM++ 2M")]
        if name == "schedulers":
            return 200, [{"name": "karras", "label": "Karras"}]
        if name == "txt2img" and method == "POST":
            self.before = self.interrupted
            for step in range(1, self.steps + 1):
                self.at = step
                time.sleep(self.step_seconds)
                if self.interrupted > self.before:
                    break
            return 200, self.draw(body)
        if name == "progress":
            ended = self.interrupted > self.before
            state = {"sampling_step": self.at, "sampling_steps": self.steps, "interrupted": ended, "skipped": False}
            return 200, {"progress": 0.5, "state": state}
        if name == "interrupt" and method == "POST":
            self.interrupted += 1
            return 200, {}
        if path == "/openapi.json" and self.fields is not None:
            schema = {"$ref": "#/components/schemas/Txt2Img"}
            body = {"content": {"application/json": {"schema": schema}}}
            known = {"Txt2Img": {"properties": {field: {} for field in self.fields}}}
            return 200, {
                "paths": {"/sdapi/v1/txt2img": {"post": {"requestBody": body}}},
                "components": {"schemas": known},
            }
        return 404, {"detail": "Not Found"}

    def draw(self, body):
        chosen = body["override_settings"]["sd_model_checkpoint"] if self.follows else self.models[0]["title"]
        [model] = [model for model in self.models if model["title"] == chosen]
        names = ("prompt", "negative_prompt", "seed", "steps", "cfg_scale", "sampler_name", "scheduler")
        # Forge alone takes it, with models that were distilled to.
        names += ("distilled_cfg_scale",) if "forge_preset" in self.options else ()
        facts = [body.get(name) for name in names]
        content = painted(body.get("width", 512), body.get("height", 512), chosen, *facts)
        if self.options.get("samples_format") == "jpg":
            jpeg = io.BytesIO()
            Image.open(io.BytesIO(content)).save(jpeg, "JPEG")
            content = jpeg.getvalue()
        stem = model["filename"].split("\\")[-1].removesuffix(".safetensors")
        info = {"seed": body["seed"], "sd_model_name": stem, "sd_model_hash": model["hash"]}
        return {"images": [base64.b64encode(content).decode()], "parameters": body, "info": json.dumps(info)}


class Comfy:
    """A ComfyUI that knows the nodes of the default graph; runs end one question after they were queued.

    ``outcome`` ends every run, ``inputs`` is ``/object_info`` (None if every class is known), ``frames`` gives those pushed to a
    run by its name, None for a server without WebSocket, ``pongs`` are answers to pings; the rest as of ``A1111``.
    """

    kind = "comfyui"

    def __init__(self):
        self.failures, self.requests, self.outcome, self.forgets = {}, [], None, False
        self.checkpoints = ["dreamy.safetensors", "photoXL.safetensors"]
        self.runs, self.files, self.asked = {}, {}, {}
        self.modules, self.architectures, self.inputs = {}, {}, None
        self.frames, self.queued, self.pushed, self.pongs = None, SimpleQueue(), set(), []

    def answer(self, method, path, query, body):
        if path == "/system_stats":
            return 200, {"system": {"comfyui_version": "0"}, "devices": []}
        if path.startswith("/object_info/"):
            lists = {
                "ckpt_name": [self.checkpoints, {}],
                "sampler_name": ["COMBO", {"options": ["euler", "dpmpp_2m"]}],
                "scheduler": [["normal", "karras"]],
            }
            name = unquote(path.rsplit("/", 1)[1])
            if self.inputs is not None:
                required = self.inputs.get(name)
                return 200, {} if required is None else {
                    name: {"input": {"required": required}, "python_module": "nodes"}
                }
            return 200, {name: {"input": {"required": lists}, "python_module": self.modules.get(name, "nodes")}}
        if path == "/view_metadata/checkpoints":
            architecture = self.architectures.get(query["filename"][0])
            return (200, {"modelspec.architecture": architecture}) if architecture else (404, {})
        if path == "/experiment/models/checkpoints":
            return 200, [{"name": name, "size": 7} for name in self.checkpoints]
        if path == "/prompt":
            return self.queue(body["prompt"])
        if path == "/queue" and method == "GET":
            waiting = [] if self.forgets else [[0, name, {}, {}, []] for name in self.runs]
            return 200, {"queue_running": [], "queue_pending": waiting}
        if path in ("/queue", "/interrupt"):
            return 200, b""
        if path.startswith("/history/"):
            return 200, self.history(path.rsplit("/", 1)[1])
        if path == "/view":
            return 200, self.files[query["filename"][0]]
        return 404, {"error": "no such path"}

    def queue(self, graph):
        for name, node in graph.items():
            chosen = node["inputs"].get("ckpt_name", self.checkpoints[0])
            if chosen not in self.checkpoints:
                mistake = {
                    "message": "Value not in list",
                    "details": f"ckpt_name: {chosen!r} not in {self.checkpoints}",
                }
                node_errors = {name: {"class_type": node["class_type"], "errors": [mistake]}}
                return 400, {"error": {"message": "Prompt outputs failed validation"}, "node_errors": node_errors}
        name = f"run-{len(self.runs)}"
        self.runs[name] = graph
        self.queued.put(name)
        return 200, {"prompt_id": name, "number": 0, "node_errors": {}}

    def history(self, name):
        self.asked[name] = self.asked.get(name, 0) + 1
        if self.asked[name] < 2 or self.forgets or (self.frames is not None and name not in self.pushed):
            return {}
        graph = self.runs[name]
        sizes = [node["inputs"] for node in graph.values() if "width" in node["inputs"]]
        width, height = (sizes[0]["width"], sizes[0]["height"]) if sizes else (64, 64)
        self.files[f"{name}.png"] = painted(width, height, graph)
        outputs = {
            key: {"images": [{"filename": f"{name}.png", "subfolder": "", "type": "temp"}]}
            for key, node in graph.items()
            if node["class_type"] in ("PreviewImage", "SaveImage")
        }
        messages = [["execution_start", {"prompt_id": name}], *(self.outcome or [])]
        status = {
            "status_str": "error" if self.outcome else "success",
            "completed": not self.outcome,
            "messages": messages,
        }
        return {name: {"prompt": [], "outputs": {} if self.outcome else outputs, "status": status}}


@contextmanager
def serving(backend):
    """Serve a backend on loopback; yields its name as a model."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.backend, server.daemon_threads = backend, True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"{backend.kind}:http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def opened(model, **options):
    """The generator of a model that is named as on the command line."""
    return open_generator(GeneratorOptions(model, **options))


def only(generator, **settings):
    """The one small picture that a generator draws with these settings."""
    [[picture]] = generator.draw([generator.request("a boat", 7, width=16, height=24, **settings)])
    return picture
