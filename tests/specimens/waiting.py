"""Waiting for what must come, however busy the machine is."""

import time

#: How many seconds tests wait for anything: a fault ends them late, a busy machine never.
PATIENCE = 240


def until(true):
    """Wait until something is true, and return it."""
    end = time.monotonic() + PATIENCE
    while not (value := true()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
    return value
