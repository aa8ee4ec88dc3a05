"""Languages of the pages: the choice of one, its texts, numbers and dates."""

from __future__ import annotations

import gettext
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from markupsafe import Markup, escape
from starlette.requests import Request

from ...messages import Message
from ...pipelines.support.figures import figure, figures, fixed
from .state import server_of

#: The language of the texts in templates, scripts and messages.
SOURCE = "en"
#: Catalogues: ``LANGUAGE/LC_MESSAGES/web.po``, and the same compiled as ``web.mo``.
CATALOGUES = Path(__file__).with_name("locale")
_NUMBER = re.compile(r"[-+−]?\d+\.\d+")


class Texts:
    """Texts of one language. A text without a translation stays English.

    Every text is a format: ``%(name)s`` stands for a value and ``%%`` for a percent sign. Translations and values are
    escaped, except values that are ``Markup`` already.

    Args:
        language: code of the language, such as ``de``.
    """

    def __init__(self, language: str) -> None:
        self.language = language
        self._catalogue = gettext.translation("web", CATALOGUES, [language], fallback=True)
        # Translators: a number; put the decimal sign of your language between its digits.
        self._decimal_sign = self.plain("1.5")[1]

    def gettext(self, text: str, /, **values: object) -> Markup:
        """The translation of a text, as HTML."""
        return escape(self._catalogue.gettext(text) if text else "") % values

    def pgettext(self, context: str, text: str, /, **values: object) -> Markup:
        """The translation of a text that has several meanings; the context names the meaning."""
        return escape(self._catalogue.pgettext(context, text)) % values

    def ngettext(self, singular: str, plural: str, count: int, /, **values: object) -> Markup:
        """The translation of a text with a number, in the form that the number asks for; ``%(count)s`` is the number."""
        return escape(self._catalogue.ngettext(singular, plural, count)) % {"count": count, **values}

    def plain(self, text: str, /, **values: object) -> str:
        """The translation of a text, not escaped."""
        return self._catalogue.gettext(text) % values

    def message(self, text: str) -> str:
        """A message of the program in this language, not escaped; of plain texts those that the catalogue holds as they are."""
        if self.language == SOURCE or not text:
            return text
        if not isinstance(text, Message):
            return self._catalogue.gettext(text)
        if text.plural:
            template = self._catalogue.ngettext(text.template, text.plural, text.number)
        else:
            template = self._catalogue.gettext(text.template)
        return template % {name: self.say(value) for name, value in text.values.items()}

    def say(self, text: str) -> str:
        """A message in this language, a number with its decimal sign, and any other text as it is; not escaped."""
        return self.number(text) or (self.message(text) if isinstance(text, Message) else text)

    def number(self, text: str) -> str:
        """A decimal number with the sign of this language; empty for another text."""
        return text.replace(".", self._decimal_sign) if _NUMBER.fullmatch(text) else ""

    def figure(self, value: float, digits: int = 3, sign: str = "") -> str:
        """Format a number for people; arguments as for ``figure`` of the reports."""
        return figure(value, digits, sign).replace(".", self._decimal_sign)

    def figures(self, values: Iterable[float], digits: int = 3, sign: str = "") -> list[str]:
        """Format numbers that stand together; arguments as for ``figures`` of the reports."""
        return [text.replace(".", self._decimal_sign) for text in figures(values, digits, sign)]

    def decimals(self, value: float, digits: int) -> str:
        """Format a number with so many decimals; NaN and infinities become a dash."""
        return fixed(value, digits).replace(".", self._decimal_sign)

    def day(self, time: datetime) -> Markup:
        """The date of a time in numbers, as HTML: in the zone of the server, and by a script in that of the browser."""
        return _local(time, self._date_form())

    def minute(self, time: datetime) -> Markup:
        """As ``day``, with hours and minutes."""
        return _local(time, f"{self._date_form()} hh:mm")

    def _date_form(self) -> str:
        # Translators: the order of year, month and day in numbers; the letters stay as they are.
        return self.plain("YYYY-MM-DD")


def _local(time: datetime, form: str) -> Markup:
    local = time.astimezone()
    parts = {"YYYY": f"{local:%Y}", "MM": f"{local:%m}", "DD": f"{local:%d}", "hh": f"{local:%H}", "mm": f"{local:%M}"}
    text = re.sub("|".join(parts), lambda part: parts[part[0]], form)
    stamp = f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return Markup('<time datetime="{}" data-form="{}">{}</time>').format(stamp, form, text)


@cache
def texts_in(language: str) -> Texts:
    """The texts of a language."""
    return Texts(language)


@cache
def languages() -> dict[str, str]:
    """Names of the languages by code, each in its own words; English comes first."""
    codes = sorted(path.parts[-3] for path in CATALOGUES.glob("*/LC_MESSAGES/web.mo"))
    # Translators: the name of your language, in your language.
    return {code: texts_in(code).plain("English") for code in (SOURCE, *codes)}


def preferred(header: str) -> str:
    """The first language of an ``Accept-Language`` header that there is; English without one.

    Examples:
        >>> from soart.plugin.web.language import preferred
        >>> preferred("fr, de-AT;q=0.8, en;q=0.5")
        'de'
        >>> preferred("fr")
        'en'
    """
    weighted = []
    for entry in header[:1000].split(","):
        tag, _, parameter = entry.partition(";")
        found = re.fullmatch(r"\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*", parameter)
        weight = float(found[1]) if found else 0.0 if parameter else 1.0
        weighted.append((weight, tag.strip().lower().partition("-")[0]))
    # Sorting is stable: equal weights keep the order of the header.
    chosen = (code for weight, code in sorted(weighted, key=lambda pair: -pair[0]) if weight and code in languages())
    return next(chosen, SOURCE)


def language_of(request: Request) -> str:
    """Code of the language of a request: the visitor's choice, the server's, or the browser's."""
    for choice in (request.session.get("language"), server_of(request).settings.language):
        if isinstance(choice, str) and choice in languages():
            return choice
    return preferred(request.headers.get("accept-language", ""))


def texts_of(request: Request) -> Texts:
    """The texts in the language of a request."""
    return texts_in(language_of(request))
