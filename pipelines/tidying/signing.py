"""Signs the lines of undo files, so that those of another user, or changed ones, are recognised.

The key lies in the user's data folder. Each signature covers its line and the signature before it, so that no line can be
changed, left out before another, or brought in from another file.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import secrets
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import platformdirs

from ...files import read_regular, whole_file
from .moving import move_file

#: Name of the signature in a line.
SIGNATURE = "signed"
_KEY_BYTES = 32


def key_path() -> Path:
    """Path of the key, in the user's data folder."""
    return platformdirs.user_data_path("soart") / "undo.key"


def stored_key() -> bytes | None:
    """The key of this user; None if there is none that can be read."""
    try:
        key = read_regular(key_path())
    except OSError:
        return None
    return key if len(key) == _KEY_BYTES else None


def own_key() -> bytes | None:
    """The key of this user, made if there is none; None if it cannot be made, so that lines stay unsigned."""
    path = key_path()
    if (key := stored_key()) is not None:
        return key
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{uuid.uuid4().hex}.key")
        with whole_file(fresh, private=True) as temporary:
            temporary.write_bytes(secrets.token_bytes(_KEY_BYTES))
        try:
            # Another process may have made one meanwhile, and its key counts.
            move_file(fresh, path)
        except FileExistsError:
            fresh.unlink()
    return stored_key()


def signature(key: bytes, before: str, entry: Mapping[str, Any]) -> str:
    """The signature of a line, hexadecimal; one in the line itself does not count, and the first has none ``before``."""
    plain = json.dumps({name: value for name, value in entry.items() if name != SIGNATURE}, sort_keys=True)
    return hmac.new(key, f"{before}\n{plain}".encode(), hashlib.sha256).hexdigest()


def is_signed(key: bytes, before: str, entry: Mapping[str, Any]) -> bool:
    """True if a line has the signature that it should have, see ``signature``."""
    return hmac.compare_digest(signature(key, before, entry).encode(), str(entry.get(SIGNATURE)).encode())
