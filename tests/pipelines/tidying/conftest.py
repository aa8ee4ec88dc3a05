"""A folder of a user whom the rights of files hold for, unlike the administrator."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest


@pytest.fixture
def ordinary_user():
    """A folder that an ordinary user may write, as whom the test runs."""
    with TemporaryDirectory() as place:
        Path(place).chmod(0o777)
        user = os.geteuid()
        os.seteuid(user or 65534)
        try:
            yield Path(place)
        finally:
            os.seteuid(user)
