"""Languages of the pages: the choice of one, its texts, numbers and dates."""

from __future__ import annotations

import gettext
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path

from markupsafe import Markup, escape
from starlette.requests import Request

from ...pipelines.support.figures import figure, figures, fixed
from .messages import MESSAGES, NESTED
from .state import server_of

#: The language of the texts in templates, scripts and messages.
SOURCE = "en"
#: Catalogues: ``LANGUAGE/LC_MESSAGES/web.po``, and the same compiled as ``web.mo``.
CATALOGUES = Path(__file__).with_name("locale")
_PLACEHOLDER = re.compile(r"%\((\w+)\)s")
_SENTENCES = re.compile(r"(?<=[.!?]) ")
_NUMBER = re.compile(r"[-+−]?\d+\.\d+")
#: Texts of a chart, in elements and for screen readers; and the names of its rows.
_CHART_TEXT = re.compile(r'(?P<before><text [^>]*>|<title>|aria-label=")(?P<text>[^<"]+)')
_CHART_NAME = re.compile(r'(<g class="chart-name">.*?</g>)')
#: The word for an empty option of a prompt.
NOTHING = "(nothing)"
#: Longest message that is compared with the known ones, in characters.
_LONGEST = 2000


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
        """The translation of a message of the program, not escaped; sentence by sentence if the whole is unknown."""
        if self.language == SOURCE or len(text) > _LONGEST:
            return text
        whole, sentences = matching(text), _SENTENCES.split(text)
        translated = [self._known(sentence) for sentence in sentences]
        # A value that holds sentences is a reason from elsewhere, or has swallowed known ones.
        swallowed = whole is not None and any(map(_SENTENCES.search, whole[1].values()))
        if whole is not None and not (swallowed and all(translated)):
            return self._known(text) or text
        return " ".join(known or sentence for known, sentence in zip(translated, sentences, strict=True))

    def _known(self, text: str) -> str | None:
        """The translation of a known message with its values; None for an unknown one."""
        found = matching(text)
        if found is None:
            return None
        template, values = found
        return self.plain(template, **{name: self._value(name, value) for name, value in values.items()})

    def _value(self, name: str, value: str) -> str:
        """A value of a message: words in this language, numbers with its decimal sign, all else as it is."""
        return self.number(value) or (self.message(value) if name in NESTED else value)

    def number(self, text: str) -> str:
        """A decimal number with the sign of this language; empty for another text."""
        return text.replace(".", self._decimal_sign) if _NUMBER.fullmatch(text) else ""

    def figure(self, value: float, digits: int = 3, sign: str = "") -> str:
        """Format a number for people; arguments as for ``figure`` of the reports."""
        return figure(value, digits, sign).replace(".", self._decimal_sign)

    def figures(self, values: Iterable[float], digits: int = 3, sign: str = "") -> list[str]:
        """Format numbers that stand together; arguments as for ``figures`` of the reports."""
        return [text.replace(".", self._decimal_sign) for text in figures(values, digits, sign)]

    def decimals(self, value: float, digits: int, sign: str = "") -> str:
        """Format a number with so many decimals; NaN and infinities become a dash."""
        return fixed(value, digits, sign).replace(".", self._decimal_sign)

    def chart(self, svg: Markup | None, names: bool = False) -> Markup:
        """A chart of the reports with its texts in this language.

        Args:
            svg: the chart; None for none.
            names: True to translate the names of rows too. Options of prompts stay as they are, but for the empty one.
        """
        if svg is None or self.language == SOURCE:
            return svg or Markup()

        def translated(found: re.Match[str]) -> str:
            text = Markup(found["text"]).unescape()
            return f"{found['before']}{escape(self.number(text) or self.message(text))}"

        # Every other part is a name with its whole text.
        parts = [svg] if names else _CHART_NAME.split(svg)
        return Markup(
            "".join(self._named(part) if k % 2 else _CHART_TEXT.sub(translated, part) for k, part in enumerate(parts))
        )

    def _named(self, name: str) -> str:
        """The name of a row of a chart, with the word for an empty option in this language."""
        return name.replace(f">{NOTHING}<", f">{self.gettext(NOTHING)}<")

    def option(self, text: str) -> str:
        """A slot and an option, ``slot: option``, with the word for an empty option in this language; not escaped."""
        slot, separator, name = text.rpartition(": ")
        return f"{slot}{separator}{self.plain(NOTHING)}" if name == NOTHING else text

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


@lru_cache(maxsize=1024)
def matching(text: str) -> tuple[str, dict[str, str]] | None:
    """The known message that a text was made of, and its values by name; None for an unknown one.

    Examples:
        >>> from soart.plugin.web.language import matching
        >>> matching("12 pictures scored.")
        ('%(count)s pictures scored.', {'count': '12'})
    """
    for template, pattern in _patterns():
        if found := pattern.fullmatch(text):
            return template, found.groupdict()
    return None


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    """The known messages as patterns, the most definite ones first."""
    parts = {template: _PLACEHOLDER.split(template) for template in MESSAGES}
    ordered = sorted(parts, key=lambda template: -sum(map(len, parts[template][::2])))
    return [(template, re.compile(_pattern(parts[template]), re.DOTALL)) for template in ordered]


def _pattern(parts: list[str]) -> str:
    """A regular expression: literal texts at even places, names of values at odd ones."""
    return "".join(
        f"(?P<{part}>.+?)" if number % 2 else re.escape(part.replace("%%", "%")) for number, part in enumerate(parts)
    )


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
