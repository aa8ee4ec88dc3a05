"""A folder of a user whom the rights of files hold for, unlike the administrator."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest


@pytest.fixture
def ordinary_user(monkeypatch):
    """A folder that an ordinary user may write, as whom the test runs."""
    with TemporaryDirectory() as place, TemporaryDirectory() as data:
        for folder in (place, data):
            Path(folder).chmod(0o777)
        monkeypatch.setenv("XDG_DATA_HOME", data)
        user = os.geteuid()
        os.seteuid(user or 65534)
        try:
            yield Path(place)
        finally:
            os.seteuid(user)
