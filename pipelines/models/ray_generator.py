"""Draws pictures on a Ray cluster, with one worker per device.

The same seed and choice give the same picture as on one machine: requests come in the same batches and the same order,
and workers compute with as many threads as this process. The collection stays with this process, its only writer.
"""

from __future__ import annotations

import platform
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import groupby
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from ...errors import ModelError, SoartError, first_line
from ...version import __version__
from ..support.batching import batches
from ..support.ray_cluster import check_version, ray_connection, worker_error
from .generator import ImageGenerator
from .loading import LoadedModel
from .options import GeneratorOptions
from .request import DrawnPicture, Request, drawn_together
from .steps import StepReport

#: Batches queued at one worker, so that it does not wait for this process.
_QUEUE = 2
#: Batches in progress or waiting for an earlier one, per worker.
_WINDOW = 4
#: Dead workers in a row, over one batch or over loading the model, after which drawing fails.
_TRIES = 3


class DrawingWorker:
    """A process of the cluster that holds the model."""

    def load(self, options: GeneratorOptions, threads: int, version: str) -> tuple[LoadedModel, bool]:
        """Load the model; returns it without its weights, and True if it can draw previews."""
        check_version(version)
        torch.set_num_threads(threads)
        # Ray decides which of a node's devices it is.
        options = replace(options, device=options.device and options.device.partition(":")[0])
        try:
            model = options.load_model()
        except ModelError as error:
            raise ModelError(f"Node {platform.node()}: {error}") from error
        self._generator = ImageGenerator(model, options.batch_size)
        stand_in = SimpleNamespace(scheduler=getattr(model.pipeline, "scheduler", None))
        return replace(model, pipeline=stand_in), self._generator.can_preview

    def draw(self, batch: list[Request], share: float) -> list[DrawnPicture]:
        """Draw a batch, or its previews if ``share`` < 1; in parts if memory runs out."""
        parts = self._generator.draw(batch) if share == 1 else self._generator.preview(batch, share)
        return [drawn for part in parts for drawn in part]

    def meanings(self, texts: list[str]) -> dict[str, np.ndarray]:
        """As ``ImageGenerator.meanings``."""
        return self._generator.meanings(texts)


@dataclass(eq=False)
class _DrawingWorker:
    actor: Any
    #: Ray reference of the loading; None once the model is loaded.
    loading: Any | None


@dataclass(eq=False)
class _Job:
    requests: list[Request]
    worker: _DrawingWorker | None = None
    ref: Any | None = None
    tries: int = 0
    drawn: list[DrawnPicture] = field(default_factory=list)
    #: Raised after the batches before it were yielded.
    failure: SoartError | None = None


class ClusterGenerator(ImageGenerator):
    """An ``ImageGenerator`` with one worker on each device of a Ray cluster; close it, or use it in a ``with``.

    One worker per GPU, or per node if the cluster has no GPUs. A worker that dies is replaced, and its batches are
    drawn again. Every node must be able to load the model.
    """

    def __init__(self, options: GeneratorOptions | None = None) -> None:
        self._options = options or GeneratorOptions()
        self._stack = ExitStack()
        self._workers: list[_DrawingWorker] = []
        self._loaded: tuple[LoadedModel, bool] | None = None
        self._deaths = 0
        self._known_meanings: dict[str, np.ndarray] = {}
        try:
            self._ray = self._stack.enter_context(ray_connection(self._options.workers))
            self._stack.callback(self._dismiss)
            count, on_gpus = _devices(self._ray, self._options.workers, self._options.device)
            self._actor = self._ray.remote(
                num_cpus=int(not on_gpus), num_gpus=int(on_gpus), scheduling_strategy="SPREAD"
            )(DrawingWorker)
            self._workers += [self._new_worker() for _ in range(count)]
            super().__init__(self._first_loaded(), self._options.batch_size)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Dismiss the workers, and end the cluster if it was started for them."""
        self._stack.close()

    @property
    def can_preview(self) -> bool:
        """True if ``preview`` can be called on this pipeline."""
        return bool(self._loaded and self._loaded[1])

    def draw(self, requests: Iterable[Request], steps: StepReport | None = None) -> Iterator[list[DrawnPicture]]:
        """As ``ImageGenerator.draw``; batches are drawn in parallel and come in order, and no steps are reported."""
        yield from self._fan_out(requests, 1.0)

    def preview(self, requests: Iterable[Request], share: float) -> Iterator[list[DrawnPicture]]:
        """As ``ImageGenerator.preview``."""
        yield from self._fan_out(requests, share)

    def meanings(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        """As ``ImageGenerator.meanings``, by a worker; each text is sent once."""
        if missing := [text for text in dict.fromkeys(texts) if text not in self._known_meanings]:
            self._known_meanings |= self._read_by_a_worker(missing)
        return {text: self._known_meanings[text] for text in texts if text in self._known_meanings}

    def _read_by_a_worker(self, texts: list[str]) -> dict[str, np.ndarray]:
        job = _Job([])
        while True:
            while not (ready := [worker for worker in self._workers if worker.loading is None]):
                self._wait(())
            job.worker = ready[0]
            try:
                vectors: dict[str, np.ndarray] = self._ray.get(ready[0].actor.meanings.remote(texts))
            except self._ray.exceptions.RayTaskError as error:
                raise worker_error(error) from error
            except self._ray.exceptions.RayError as error:
                self._replace(ready[0], (job,), error)
            else:
                return vectors

    def _new_worker(self) -> _DrawingWorker:
        actor = self._actor.remote()
        return _DrawingWorker(actor, actor.load.remote(self._options, torch.get_num_threads(), __version__))

    def _first_loaded(self) -> LoadedModel:
        while self._loaded is None:
            self._wait(())
        return self._loaded[0]

    def _dismiss(self) -> None:
        for worker in self._workers:
            self._ray.kill(worker.actor)

    def _fan_out(self, requests: Iterable[Request], share: float) -> Iterator[list[DrawnPicture]]:
        todo = (
            _Job(batch)
            for _, group in groupby(requests, key=drawn_together)
            for batch in batches(group, self.batch_size)
        )
        jobs: deque[_Job] = deque()
        try:
            while True:
                while len(jobs) < _WINDOW * len(self._workers) and (job := next(todo, None)):
                    jobs.append(job)
                if not jobs:
                    return
                for job in jobs:
                    self._assign(job, jobs, share)
                if jobs[0].failure:
                    raise jobs[0].failure
                if jobs[0].drawn:
                    drawn = jobs.popleft().drawn
                    self.pipeline_seconds += sum(picture.seconds for picture in drawn)
                    yield drawn
                else:
                    self._wait(jobs)
        finally:
            for job in jobs:
                if job.ref is not None:
                    self._ray.cancel(job.ref)

    def _assign(self, job: _Job, jobs: Iterable[_Job], share: float) -> None:
        if job.ref is not None or job.drawn or job.failure:
            return
        busy = [other.worker for other in jobs if other.ref is not None]
        free = [worker for worker in self._workers if worker.loading is None and busy.count(worker) < _QUEUE]
        if free:
            job.worker = min(free, key=busy.count)
            job.ref = job.worker.actor.draw.remote(job.requests, share)

    def _wait(self, jobs: Iterable[_Job]) -> None:
        """Wait until a worker has loaded its model or drawn a batch, and take the result."""
        loading = {worker.loading: worker for worker in self._workers if worker.loading is not None}
        drawing = {job.ref: job for job in jobs if job.ref is not None}
        [done], _ = self._ray.wait([*drawing, *loading], num_returns=1)
        try:
            result = self._ray.get(done)
        except self._ray.exceptions.RayTaskError as error:
            if done in loading:
                raise worker_error(error) from error
            drawing[done].failure, drawing[done].ref = worker_error(error), None
        except self._ray.exceptions.RayError as error:
            self._replace(loading[done] if done in loading else drawing[done].worker, drawing.values(), error)
        else:
            if done in loading:
                loading[done].loading, self._deaths = None, 0
                self._check(*result)
            else:
                drawing[done].drawn, drawing[done].ref = result, None

    def _replace(self, dead: _DrawingWorker | None, jobs: Iterable[_Job], error: Exception) -> None:
        """Replace a dead worker, and mark its batches to be drawn again."""
        lost = [job for job in jobs if job.worker is dead]
        for job in lost:
            job.ref, job.tries = None, job.tries + 1
        self._deaths += not lost
        if max((self._deaths, *(job.tries for job in lost))) >= _TRIES:
            raise ModelError(
                f"{_TRIES} workers in a row died over the same work ({first_line(error)}): "
                "choose a smaller batch size, or give the workers more memory."
            ) from error
        self._workers = [self._new_worker() if worker is dead else worker for worker in self._workers]

    def _check(self, model: LoadedModel, can_preview: bool) -> None:
        if self._loaded is None:
            self._loaded = model, can_preview
        first = self._loaded[0]
        if (model.identity, model.dtype) != (first.identity, first.dtype):
            raise ModelError(
                f"The cluster's nodes would draw different pictures ({first.identity} in {first.dtype}, "
                f"{model.identity} in {model.dtype}): "
                "give all the same model files, and name a dtype."
            )


def _devices(ray: Any, workers: int | None, device: str | None) -> tuple[int, bool]:  # noqa: ANN401
    """The number of workers, and True if each takes a GPU."""
    resources = ray.cluster_resources()
    gpus = int(resources.get("GPU", 0)) if device is None or device.startswith(("cuda", "xpu")) else 0
    if gpus:
        return min(workers or gpus, gpus), True
    nodes = sum(node["Alive"] and node["Resources"].get("CPU", 0) >= 1 for node in ray.nodes())
    # More workers than CPUs would wait for ever.
    return max(1, min(workers or nodes, int(resources.get("CPU", 1)))), False
