"""The time zone of this machine, changed for a while."""

import contextlib
import time

import pytest


@contextlib.contextmanager
def local_time(zone):
    """Another time zone, where it can be set."""
    set_zone = getattr(time, "tzset", bool)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TZ", zone)
            set_zone()
            yield
    finally:
        set_zone()
