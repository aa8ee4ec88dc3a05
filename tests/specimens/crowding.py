"""Threads that come to a lock at the same time."""

import threading


class CrowdedLock:
    """A lock that tells when a second thread stands before it, while the first may still hold it."""

    def __init__(self):
        self._lock, self._comers, self.second_waits = threading.Lock(), 0, threading.Event()

    def __enter__(self):
        self._comers += 1
        if self._comers == 2:
            self.second_waits.set()
        self._lock.acquire()

    def __exit__(self, *error):
        self._lock.release()
