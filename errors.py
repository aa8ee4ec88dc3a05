"""Errors that soart expects.

Each message is one sentence: the subject, what is wrong with it, and what to do.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from numbers import Integral, Real
from pathlib import Path
from typing import ClassVar


class SoartError(Exception):
    """Base of all expected errors. The command line prints the message and exits with ``exit_code``.

    Examples:
        >>> import soart
        >>> try:
        ...     soart.read_image(b"")
        ... except soart.SoartError as error:
        ...     print(error)
        The picture is empty: expected the content of a picture, got 0 bytes.
    """

    exit_code: ClassVar[int] = 1

    def _render_traceback_(self) -> list[str]:
        """What notebooks show of it."""
        return [f"{type(self).__name__}: {self}"]


def install_command(extra: str) -> str:
    """The command that adds an extra of soart to the environment in which this runs, ready to be copied."""
    found = shutil.which("pip")
    pip = (
        "pip"
        if found and Path(found).parent == Path(sys.executable).parent
        else f"{shlex.quote(sys.executable)} -m pip"
    )
    return f"{pip} install 'soart[{extra}]'"


#: End of the lines with which diffusers announces what kept it from importing something.
ANNOUNCED = "(look up to see its traceback):"


def first_line(error: BaseException) -> str:
    """First line of an error's message, without a full stop or colon at its end; its type if the message is empty.

    Lines of lazy imports that only announce the error below them are passed over.
    """
    lines = str(error).strip().splitlines()
    lines = [line for line in lines[:-1] if not line.rstrip().endswith(ANNOUNCED)] + lines[-1:]
    return lines[0].strip().rstrip(".: ") if lines else type(error).__name__


def expect(what: str, value: object, *kinds: type, error: type[SoartError] = SoartError) -> None:
    """Refuse a value of another type than ``kinds``.

    Args:
        what: completes "Expected", for example ``"the budget as a whole number"``.
        value: the value; True and False are no numbers.
        kinds: the types that it may have.
        error: the class of the error.

    Raises:
        SoartError: the value has none of these types.

    Examples:
        >>> from soart.errors import SoartError, expect
        >>> expect("the prompt as text", "a fox", str)
        >>> try:
        ...     expect("the prompt as text", 5, str)
        ... except SoartError as error:
        ...     print(error)
        Expected the prompt as text, got 5.
    """
    # NumPy's numbers are numbers too.
    kinds = (*kinds, *((Integral,) if int in kinds else ()), *((Real,) if float in kinds else ()))
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise error(f"Expected {what}, got {value!r:.80}.")


def expect_seed(value: object, error: type[SoartError] = SoartError) -> None:
    """Refuse a seed that is not a whole number of at least 0, by ``error``.

    Examples:
        >>> from soart.errors import SoartError, expect_seed
        >>> expect_seed(0)
        >>> try:
        ...     expect_seed(-1)
        ... except SoartError as error:
        ...     print(error)
        Expected the seed as a whole number of at least 0, got -1.
    """
    what = "the seed as a whole number of at least 0"
    expect(what, value, int, error=error)
    if value < 0:  # type: ignore[operator]
        raise error(f"Expected {what}, got {value!r:.80}.")


def expect_text(what: str, value: object, error: type[SoartError] = SoartError) -> None:
    r"""Refuse what is not text, or has characters that no file can hold, by ``error``.

    A terminal passes bytes that are not UTF-8 as such characters, lone surrogates.

    Examples:
        >>> from soart.errors import SoartError, expect_text
        >>> expect_text("the prompt", "a café")
        >>> try:
        ...     expect_text("the prompt", "a caf\udce9")
        ... except SoartError as error:
        ...     print(error)
        Expected the prompt as text in UTF-8, got 'a caf\udce9'.
    """
    expect(f"{what} as text", value, str, error=error)
    try:
        value.encode()  # type: ignore[attr-defined]
    except UnicodeEncodeError:
        raise error(f"Expected {what} as text in UTF-8, got {value!r:.80}.") from None


class ImageError(SoartError):
    """A picture that cannot be read or measured."""


class MissingDecoderError(ImageError):
    """A picture whose decoder is not installed; with it the same content can be read."""


class PromptError(SoartError):
    """A prompt template that cannot be expanded."""


class ModelError(SoartError):
    """A diffusion model that cannot be loaded or run."""


class LoraError(ModelError):
    """A LoRA that a prompt names and that cannot be found, read or used: a mistake in what was asked for."""

    exit_code = 2


class CollectionError(SoartError):
    """A collection that cannot be opened, read or written."""


class MissingPictureError(CollectionError):
    """A picture that a collection does not have."""


class NoFindingsError(SoartError):
    """A study none of whose pictures can be judged yet."""


class TasteError(SoartError):
    """A taste that cannot be read, or does not fit the items."""


class JudgeError(SoartError):
    """A judge that cannot be found, loaded or used."""


class ItemsError(SoartError, ValueError):
    """An item matrix that an estimator cannot learn from or measure; also a ``ValueError``, as scikit-learn expects."""
