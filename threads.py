"""Threads of the linear algebra libraries."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController

#: Modules that bring a linear algebra library each.
_BRINGERS = ("numpy", "scipy.linalg", "torch")


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
