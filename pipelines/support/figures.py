"""Numbers as people and programs read them."""

from __future__ import annotations

import math


def plain_figure(value: float, digits: int = 3, sign: str = "") -> str:
    """Format a number so that programs can read it, or as a dash where there is none.

    Args:
        value: the number; NaN and infinities are none.
        digits: significant digits; the integer part is always written in full.
        sign: sign option of a format specification, such as ``"+"``.
    """
    if not math.isfinite(value):
        return "–"
    # Larger numbers would get an exponent in the g format.
    return f"{value:{sign}.0f}" if abs(value) >= 10**digits - 0.5 else f"{value:{sign}.{digits}g}"


def figure(value: float, digits: int = 3, sign: str = "") -> str:
    """Format a number for people, with a real minus sign; arguments as for ``plain_figure``."""
    return with_minus(plain_figure(value, digits, sign))


def signed(value: float, decimals: int) -> str:
    """A difference for people, with its sign and so many decimals.

    >>> from soart.pipelines.support.figures import signed
    >>> signed(1.25, 1), signed(-20, 0)
    ('+1.2', '−20')
    """
    return with_minus(f"{value:+.{decimals}f}")


def with_minus(text: str) -> str:
    """A formatted number with a real minus sign in place of a hyphen."""
    return text.replace("-", "−")
