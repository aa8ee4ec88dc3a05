"""Brings the catalogues of the gallery in step with its texts, and compiles them; ``make texts`` runs it.

``python .ci/texts.py fr`` begins a catalogue for another language.
"""

from __future__ import annotations

import ast
import io
import json
import sys
from collections.abc import Iterator
from gettext import c2py
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.plurals import get_plural
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parents[1]
WEB = ROOT / "plugin" / "web"
#: Folders with messages that pages may show, beside ``WEB``.
ROOMS = (ROOT / "metrics", ROOT / "pipelines", ROOT / "prompts")
CATALOGUES = WEB / "locale"
METHODS = [("templates/**.html", "jinja2"), ("static/*.js", "javascript")]
OPTIONS = {"static/*.js": {"parse_template_string": "true"}}
KEYWORDS = {"_": None, "ngettext": (1, 2), "pgettext": ((1, "c"), 2)}


class PlainCatalog(Catalog):
    """A catalogue whose header has no dates and no version of Babel, so that equal texts are equal files."""

    @property
    def mime_headers(self) -> list[tuple[str, str]]:
        """Lines of the header, by name."""
        return [
            ("Language", str(self.locale)),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "8bit"),
            ("Plural-Forms", self.plural_forms),
        ]


def extracted() -> Catalog:
    """All texts of templates, scripts and messages."""
    catalogue = Catalog(project="soart", charset="utf-8", fuzzy=False)
    found = extract_from_dir(WEB, METHODS, OPTIONS, KEYWORDS, ("Translators:",), strip_comment_tags=True)
    for name, _, message, comments, context in found:
        catalogue.add(message, None, [(name, None)], auto_comments=comments, context=context)
    for path in sorted(path for folder in (WEB, *ROOMS) for path in folder.rglob("*.py")):
        for message, comments in _in_python(path.read_text(encoding="utf-8")):
            catalogue.add(message, None, [(path.relative_to(ROOT).as_posix(), None)], auto_comments=comments)
    return catalogue


def _in_python(source: str) -> Iterator[tuple[str | tuple[str, str], list[str]]]:
    """Texts that calls in Python translate or make messages of, with the comments for translators above them."""
    lines = source.splitlines()
    for call in ast.walk(ast.parse(source)):
        name = isinstance(call, ast.Call) and getattr(call.func, "attr", getattr(call.func, "id", ""))
        error = name and name.endswith("Error") and call.keywords
        forms = 1 if error else {"message": 1, "plain": 1, "plural": 2}.get(name or "", 0)
        texts = [text.value for text in call.args[:forms] if isinstance(text, ast.Constant)] if forms else []
        if texts:
            tag, _, comment = lines[call.lineno - 2].partition("# Translators: ")
            yield texts[0] if forms == 1 else (texts[0], texts[1]), [comment] if comment and not tag.strip() else []


def place(language: str) -> Path:
    """The catalogue of a language."""
    return CATALOGUES / language / "LC_MESSAGES" / "web.po"


def read(language: str) -> PlainCatalog:
    """Read the catalogue of a language; an empty one if there is none."""
    path = place(language)
    catalogue = PlainCatalog(locale=Locale.parse(language), charset="utf-8", fuzzy=False)
    if path.exists():
        with path.open("rb") as stream:
            for message in read_po(stream, locale=language, abort_invalid=True):
                if message.id:
                    catalogue[message.id] = message
    return catalogue


def po_of(catalogue: PlainCatalog) -> bytes:
    """The catalogue as a ``.po`` file, without numbers of lines, which would change with everything."""
    stream = io.BytesIO()
    write_po(stream, catalogue, width=0, sort_by_file=True, include_lineno=False, omit_header=True)
    header = "".join(f'"{name}: {value}\\n"\n' for name, value in catalogue.mime_headers)
    return f'msgid ""\nmsgstr ""\n{header}\n'.encode() + stream.getvalue()


def mo_of(language: str) -> bytes:
    """The compiled catalogue of a language, for the server."""
    stream = io.BytesIO()
    write_mo(stream, read(language))
    return stream.getvalue()


def script_of(language: str) -> str:
    """The texts of the scripts in a language, as a script."""
    messages = [
        m
        for m in read(language)
        if m.id and not m.context and any(path.startswith("static/") for path, _ in m.locations)
    ]
    texts = {m.id[0] if m.pluralizable else m.id: m.string for m in messages if m.string}
    plural = get_plural(language)
    # The formulas of gettext depend on the last two digits of large numbers.
    forms = [_form(plural.plural_expr, number) for number in range(200)]
    content = json.dumps(texts, ensure_ascii=False, indent=1, sort_keys=True)
    return (
        f"// @ts-nocheck\n// Made by `make texts` from locale/{language}: do not edit.\n"
        f'globalThis.soartTexts = {{\n"plurals": {json.dumps(forms)},\n"texts": {content}}};\n'
    )


def _form(expression: str, number: int) -> int:
    """Number of the plural form of a number, by a formula of gettext."""
    return int(c2py(expression)(number))


def main(languages: list[str]) -> None:
    """Write the catalogues of all languages, and of new ones."""
    known = {path.parts[-3] for path in CATALOGUES.glob("*/LC_MESSAGES/web.po")}
    for language in sorted(known | set(languages)):
        catalogue, path = read(language), place(language)
        catalogue.update(extracted(), no_fuzzy_matching=True)
        catalogue.obsolete.clear()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(po_of(catalogue))
        path.with_suffix(".mo").write_bytes(mo_of(language))
        (WEB / "static" / "texts" / f"{language}.js").write_text(script_of(language), encoding="utf-8")
        missing = sum(not (all(m.string) if m.pluralizable else m.string) for m in catalogue if m.id)
        sys.stdout.write(f"{language}: {len(catalogue)} texts, {missing} without a translation\n")


if __name__ == "__main__":
    main(sys.argv[1:])
