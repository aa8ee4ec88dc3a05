"""Renders and writes report pages: self-contained HTML, all text escaped, pictures as ``data:`` URLs."""

from __future__ import annotations

import base64
import io
from datetime import datetime
from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup
from PIL import Image

from ...errors import SoartError
from ...files import write_whole
from ...metrics.damage.titles import damage_noun, stored_title
from ...metrics.formats.decoders import SUFFIXES
from ..collection.collection import Collection
from ..collection.tables import ImageRow
from ..collection.thumbnails import thumbnail
from ..ingest.scan import as_text
from ..support.figures import decimals_of, figure, figures, fixed, signed
from ..support.wording import printable

#: Folder of the templates of pages; the gallery shares some.
TEMPLATES = Path(__file__).parent
#: Longest side of a picture that a page shows unreduced, in pixels.
THUMBNAIL = 320
#: Endings, in lower case, of files that are not pages; a page would replace the user's own file.
OTHER_FILES = SUFFIXES | {
    ".csv", ".json", ".jsonl", ".md", ".parquet", ".pdf", ".txt", ".xlsx", ".yaml", ".yml", ".zip",
}  # fmt: skip


def data_url(pixels: np.ndarray) -> str:
    """A uint8 picture (h, w, 3) as a ``data:`` URL: a reduced JPEG of a large picture, a PNG of a small one."""
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


def jpeg_url(content: bytes) -> str:
    """A JPEG as a ``data:`` URL."""
    return f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"


def picture_url(collection: Collection, row: ImageRow) -> str:
    """A picture of a collection as a ``data:`` URL: the stored thumbnail of a large picture, a PNG of a small one."""
    if max(row.width, row.height) > THUMBNAIL:
        return jpeg_url(thumbnail(collection, row))
    return data_url(collection.pixels(row))


#: Filters of all templates.
FILTERS = {
    "figure": figure,
    "figures": figures,
    "decimals_of": decimals_of,
    "fixed": fixed,
    "signed": signed,
    "stored": stored_title,
    "damage": damage_noun,
}


def shown(value: object) -> object:
    """The value of an expression in a template, without characters that disguise names."""
    if not isinstance(value, str):
        return value
    text = printable(value, lines=True)
    return Markup(text) if isinstance(value, Markup) else text


def render_page(template: str, **values: object) -> str:
    """Render a template of this folder; besides ``values`` it gets ``date``, the present date and time."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True, finalize=shown
    )
    environment.filters.update(FILTERS)
    return environment.get_template(template).render(
        date=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M"), **values
    )


def check_page(path: Path) -> None:
    """Refuse the name of a file for a page if it is that of another kind of file, such as a picture."""
    if path.suffix.lower() in OTHER_FILES:
        raise SoartError(f"The report {str(path)!r} is a page: name a file that ends in .html.")


def write_report(path: Path, page: str) -> Path:
    """Write a page, whole or not at all, and return its absolute path; bytes of names that are no text are escaped."""
    check_page(path)
    try:
        write_whole(path, as_text(page).encode())
    except OSError as error:
        raise SoartError(f"The report {str(path)!r} cannot be written: {error.strerror or error}.") from error
    return path.resolve()
