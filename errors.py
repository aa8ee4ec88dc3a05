"""Errors that soart expects.

Each message is one sentence: the subject, what is wrong with it, and what to do.
"""

from __future__ import annotations


class SoartError(Exception):
    """Base of all expected errors. The command line prints the message and exits with code 1.

    Examples:
        >>> import soart
        >>> try:
        ...     soart.read_image(b"")
        ... except soart.SoartError as error:
        ...     print(error)
        The picture is empty: expected the content of a picture, got 0 bytes.
    """


class ImageError(SoartError):
    """A picture that cannot be read or measured."""


class PromptError(SoartError):
    """A prompt template that cannot be expanded."""


class ModelError(SoartError):
    """A diffusion model that cannot be loaded or run."""


class CollectionError(SoartError):
    """A collection that cannot be opened, read or written."""


class ProfileError(SoartError):
    """A scoring profile that cannot be read, or does not fit the items."""


class ItemsError(SoartError, ValueError):
    """An item matrix that an estimator cannot learn from or measure; also a ``ValueError``, as scikit-learn expects."""
