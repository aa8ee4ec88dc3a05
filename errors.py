"""Errors that soart expects; a message says in one sentence what, where and what to do."""

from __future__ import annotations


class SoartError(Exception):
    """Base of every expected error; the command line prints it as one sentence and ends with code 1."""


class ImageError(SoartError):
    """A picture that cannot be read or measured."""


class PromptError(SoartError):
    """A prompt template that cannot be expanded."""


class ModelError(SoartError):
    """A diffusion model that cannot be loaded or run."""


class CollectionError(SoartError):
    """A collection that cannot be opened, read or written."""


class ProfileError(SoartError):
    """A scoring profile that cannot be read, or does not fit the items it is given."""


class ItemsError(SoartError, ValueError):
    """An item matrix that an estimator cannot learn from or measure; a ``ValueError`` too, as scikit-learn expects."""


def first_line(error: BaseException) -> str:
    """First line of an error's message, without a full stop or colon at its end; its type's name if it has no message."""
    lines = str(error).strip().splitlines()
    return lines[0].strip().rstrip(".: ") if lines else type(error).__name__
