"""Draws effects of options as a picture, for hosts that cannot show pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...errors import SoartError
from ..tuning.findings import OptionEffect
from .chart_frame import BAD, FIRST, INK, TEXT
from .study_charts import curves_of

#: Most options to show of a slot: half of them the best, half the worst.
MOST = 16


#: Height of a curve of numbers, in bars.
_CURVE_ROWS = 5


def chosen_effects(effects: Sequence[OptionEffect]) -> list[OptionEffect]:
    """Effects of one slot to show, best first: all, or the best and the worst if there are more than ``MOST``."""
    ordered = sorted(effects, key=lambda e: -e.mean)
    half = MOST // 2
    return ordered if len(ordered) <= MOST else [*ordered[:half], *ordered[-half:]]


def effects_chart(
    effects: Sequence[OptionEffect],
    importance: Mapping[str, float],
    unit: str = "score",
    title: str = "",
    width: int = 900,
) -> np.ndarray:
    """Draw the effect of every option on the goal, with its 90 % interval, as (height, width, 3) uint8.

    Bars are green if the interval lies above 0, the mean of the slot, and red if it lies below. Numbers are a curve
    with a band, the lowest number at the bottom. ``importance`` is the share of each slot in the variance. The width is
    at least 300 pixels; the height follows from the number of options.
    """
    if not effects:
        raise SoartError("There are no effects to show, because no picture has been judged yet.")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    curves = curves_of(effects)
    slots = {
        name: curves.get(name) or chosen_effects([e for e in effects if e.slot == name])
        for name in dict.fromkeys(e.slot for e in effects)
    }
    rows = [_CURVE_ROWS if name in curves else len(options) for name, options in slots.items()]
    room = max(width, 300) // 25
    dpi, height = 100, 70 + 26 * sum(rows) + 44 * len(rows)
    figure = Figure(figsize=(max(width, 300) / dpi, height / dpi), dpi=dpi, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots(len(rows), 1, sharex=True, squeeze=False, height_ratios=[n + 0.6 for n in rows])[:, 0]
    for axis, (name, options) in zip(axes, slots.items(), strict=True):
        axis.set_title(
            f"{name.replace('$', chr(92) + '$')} · {100 * importance.get(name, 0.0):.0f} % of the variance",
            loc="left",
            fontsize=10,
        )
        axis.axvline(0, color=INK, linewidth=0.8)
        axis.spines[["top", "right", "left"]].set_visible(False)
        axis.tick_params(axis="y", length=0)
        if name in curves:
            # Sideways, so that all slots share the scale of effects.
            across = [effect.place or 0.0 for effect in options]
            axis.fill_betweenx(across, [e.low for e in options], [e.high for e in options], color=FIRST, alpha=0.25)
            axis.plot([e.mean for e in options], across, color=FIRST)
            axis.set_yticks([0, 1], [options[0].option, options[-1].option])
            continue
        places = np.arange(len(options))[::-1]
        means = np.array([e.mean for e in options])
        reach = np.array([[e.mean - e.low for e in options], [e.high - e.mean for e in options]]).clip(0)
        colours = [FIRST if e.low > 0 else BAD if e.high < 0 else TEXT for e in options]
        axis.barh(places, means, height=0.68, color=colours)
        axis.errorbar(means, places, xerr=reach, fmt="none", ecolor=INK, elinewidth=1, capsize=3)
        # A dollar sign would start a formula.
        labels = [(e.option or "(nothing)").replace("$", r"\$") for e in options]
        axis.set_yticks(places, [text if len(text) <= room else text[: room - 1] + "…" for text in labels])
        axis.set_ylim(-0.6, len(options) - 0.4)
    axes[-1].set_xlabel(f"effect ({unit}), 90 % interval")
    if title:
        figure.suptitle(title.replace("$", r"\$"), fontsize=11)
    canvas.draw()  # type: ignore[no-untyped-call]
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()  # type: ignore[no-untyped-call]
