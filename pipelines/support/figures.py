"""Numbers as people and programs read them."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from statistics import median


def plain_figure(value: float, digits: int = 3, sign: str = "") -> str:
    """Format a number so that programs can read it, or as a dash for NaN and infinity; ``sign`` such as ``"+"``.

    ``digits`` are significant ones; the integer part is always written in full.
    """
    if not math.isfinite(value):
        return "–"
    # Larger numbers would get an exponent in the g format.
    return f"{value:{sign}.0f}" if abs(value) >= 10**digits - 0.5 else f"{value:{sign}.{digits}g}"


def figure(value: float, digits: int = 3, sign: str = "") -> str:
    """Format a number for people, with a real minus sign; arguments as for ``plain_figure``."""
    return with_minus(plain_figure(value, digits, sign))


def decimals_of(values: Iterable[float], digits: int = 3) -> int:
    """Digits after the point of figures that stand together: what the median needs for ``digits`` significant ones.

    Trailing zeros that all share are left out. NaN and infinities do not count, nor zeros for the median. A number that
    is much smaller than the median loses digits.

    >>> from soart.pipelines.support.figures import decimals_of
    >>> decimals_of([49.0, 48.31]), decimals_of([4.0, 5.0]), decimals_of([102.4, 48.3, 9.123])
    (1, 0, 1)
    """
    known = [value for value in values if math.isfinite(value)]
    sizes = [abs(value) for value in known if value]
    if not sizes:
        return 0
    # The mean of two large numbers overflows.
    middle = min(median(sizes), sys.float_info.max)
    most = max(0, digits - 1 - math.floor(math.log10(middle)))
    return next(n for n in range(most + 1) if all(round(value, n) == round(value, most) for value in known))


def fixed(value: float, decimals: int, sign: str = "") -> str:
    """Format a number for people with so many decimals; NaN and infinities as a dash; sign as for ``plain_figure``."""
    # Adding 0 turns -0 into 0.
    return with_minus(f"{round(value, decimals) + 0.0:{sign}.{decimals}f}") if math.isfinite(value) else "–"


def figures(values: Iterable[float], digits: int = 3, sign: str = "") -> list[str]:
    """Format numbers that stand together, see ``decimals_of``; arguments as for ``figure``."""
    numbers = list(values)
    decimals = decimals_of(numbers, digits)
    return [fixed(value, decimals, sign) for value in numbers]


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
