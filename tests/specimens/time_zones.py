"""The time zone of this machine, changed for a while."""

import contextlib
import time

import pytest


@contextlib.contextmanager
def local_time(zone):
    """Another time zone, where it can be set."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", zone)
        getattr(time, "tzset", bool)()
        yield
    getattr(time, "tzset", bool)()
