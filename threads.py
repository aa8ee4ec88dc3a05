"""Threads: linear algebra and loading in one of them, and imports in several."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module

from threadpoolctl import ThreadpoolController

_making = threading.RLock()
#: Modules that bring a linear algebra library each.
_BRINGERS = ("numpy", "scipy.linalg", "torch")


def import_whole(*names: str) -> None:
    """Import modules, and wait for those that another thread is importing, before a statement imports parts of them.

    transformers and diffusers put another module in their own place when they are complete. A statement that waits for
    that goes on with the first one, which has no parts; ``importlib`` looks again after the wait.

    Args:
        names: of the modules.
    """
    for name in names:
        import_module(name)


@contextmanager
def one_model_at_a_time() -> Iterator[None]:
    """Let no other thread make or load a neural network meanwhile; a decorator, too.

    While transformers, diffusers and PEFT load one, they replace how PyTorch makes every module, and put back what they
    found. Of two threads that overlap, the later one puts back the replacement, and from then on no model of the process
    has weights.
    """
    with _making:
        yield


@cache
def _controller(loaded: tuple[str, ...]) -> ThreadpoolController:
    """Controller of the libraries that the ``loaded`` modules have brought; finding them takes milliseconds."""
    return ThreadpoolController()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let linear algebra (BLAS, LAPACK) compute in one thread, for the whole process; a decorator, too.

    Matrices of a few hundred rows gain little from more, and on a busy machine, where threads wait for each other,
    they cost tenfold. Sums are also added in the same order on every machine. If several threads of Python overlap
    here, one thread may remain the limit.
    """
    loaded = tuple(name for name in _BRINGERS if name in sys.modules)
    with _controller(loaded).limit(limits=1, user_api="blas"):
        yield
