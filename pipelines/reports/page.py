"""What all pages share: self-contained HTML, everything escaped, pictures inside."""

from __future__ import annotations

import base64
import io
import math
from datetime import datetime
from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader
from PIL import Image

from ...errors import SoartError
from ...metrics.damage.titles import damage_noun, profile_title, stored_title

#: Longest side of a picture on a page, in pixels.
THUMBNAIL = 320


def data_url(pixels: np.ndarray) -> str:
    """A uint8 picture (h, w, 3) as a ``data:`` URL: reduced to JPEG where it is large, else PNG as it is."""
    image = Image.fromarray(pixels)
    buffer = io.BytesIO()
    kind = "png"
    if max(image.size) > THUMBNAIL:
        image.thumbnail((THUMBNAIL, THUMBNAIL))
        image.save(buffer, "JPEG", quality=85)
        kind = "jpeg"
    else:
        image.save(buffer, "PNG")
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def figure(value: float, digits: int = 3, sign: str = "") -> str:
    """A number for people: ``digits`` significant ones and never fewer than its integer part, a dash for no number; ``sign`` as in a format."""
    if not math.isfinite(value):
        return "–"
    # From here on the g format would write an exponent.
    return f"{value:{sign}.0f}" if abs(value) >= 10**digits - 0.5 else f"{value:{sign}.{digits}g}"


#: What templates may say of values.
FILTERS = {"figure": figure, "profile": profile_title, "stored": stored_title, "damage": damage_noun}


def render_page(template: str, **values: object) -> str:
    """The page of a template in this folder; every one may show the ``date`` of now."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(FILTERS)
    return environment.get_template(template).render(
        date=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M"), **values
    )


def write_report(path: Path, page: str) -> Path:
    """Write the page; raises SoartError where that is not possible."""
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise SoartError(f"The report {str(path)!r} cannot be written: {error.strerror or error}.") from error
    return path.resolve()
