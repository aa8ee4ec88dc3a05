"""Ratings and keywords in the texts of sidecars."""

import re
from xml.etree.ElementTree import fromstring

import pytest

from soart.pipelines.tidying.xmp import with_keywords, with_rating

NAMES = 'xmlns:rdf="r" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
BAG = "<dc:subject><rdf:Bag><rdf:li>sea &amp; sky</rdf:li></rdf:Bag></dc:subject>"


def keywords(xmp):
    root = fromstring(xmp[xmp.index("<") : xmp.rindex(">") + 1].split("?>", 1)[-1].split("<?xpacket end")[0])
    (subject,) = root.iter("{http://purl.org/dc/elements/1.1/}subject")
    return [item.text for item in subject[0]]


@pytest.mark.parametrize(
    "old",
    [
        None,
        '<rdf:RDF><rdf:Description rdf:about="" xmp:Rating="1" dc:title="x"/></rdf:RDF>',
        "<rdf:RDF><rdf:Description><xmp:Rating>1</xmp:Rating></rdf:Description></rdf:RDF>",
        '<rdf:RDF><rdf:Description rdf:about="" dc:title="x"/></rdf:RDF>',
        "<rdf:RDF><rdf:Description><xmp:Rating/></rdf:Description></rdf:RDF>",
        '<rdf:RDF><rdf:Description dc:title="x"><xmp:Rating rdf:datatype="i">1</xmp:Rating ></rdf:Description></rdf:RDF>',
    ],
)
def test_ratings_are_set_and_the_rest_stays(old):
    new = with_rating(old, 4)
    assert re.search(r'xmp:Rating(="|>| rdf:datatype="i">)4', new)
    # Not a second one beside an empty element.
    assert len(re.findall(r"(?<!/)xmp:Rating", new)) == 1
    if old and "title" in old:
        assert 'dc:title="x"' in new
    assert with_rating(new, 4) == new


def test_sidecars_without_a_description_are_left():
    assert with_rating("<x/>", 3) is None
    assert with_keywords("<x/>", ["a"]) is None
    assert with_keywords("<x/>", []) == "<x/>"


@pytest.mark.parametrize(
    ("old", "before"),
    [
        (with_rating(None, 3), []),
        (f'<rdf:RDF {NAMES}><rdf:Description xmp:Label="a > b/c"/></rdf:RDF>', []),
        (f"<rdf:RDF {NAMES}><rdf:Description><xmp:Rating>1</xmp:Rating></rdf:Description></rdf:RDF>", []),
        (f"<rdf:RDF {NAMES}><rdf:Description>{BAG}</rdf:Description></rdf:RDF>", ["sea & sky"]),
    ],
)
def test_keywords_are_added_once_and_stay_text(old, before):
    wanted = ["sea & sky", "<b>boat"]
    new = with_keywords(old, wanted)
    assert keywords(new) == list(dict.fromkeys([*before, *wanted]))
    assert with_keywords(new, wanted) == new
    assert with_keywords(old, []) == old


XMP, RDF = "http://ns.adobe.com/xap/1.0/", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"


@pytest.mark.parametrize(
    "old",
    [
        # A description for each namespace, as ExifTool writes them.
        f"<rdf:RDF xmlns:rdf='{RDF}'><rdf:Description xmlns:dc='d'/>"
        f"<rdf:Description xmlns:xmp='{XMP}'><xmp:CreateDate>2020</xmp:CreateDate></rdf:Description></rdf:RDF>",
        f'<rdf:RDF xmlns:rdf="{RDF}"><rdf:Description xmlns:xap="{XMP}" xap:Rating="3"/></rdf:RDF>',
        f'<rdf:RDF xmlns:rdf="{RDF}"><rdf:Description xmlns:xap="{XMP}"><xap:Rating>3</xap:Rating></rdf:Description></rdf:RDF>',
        f'<rdf:RDF xmlns:rdf="{RDF}"><rdf:Description xmlns:xap="{XMP}"><xap:Rating/></rdf:Description></rdf:RDF>',
        f'<rdf:RDF xmlns:rdf="{RDF}" xmlns:other="o"><rdf:Description xmlns:xmp="{XMP}" other:Rating="3"/></rdf:RDF>',
    ],
)
def test_a_rating_is_one_of_its_namespace_whatever_the_prefixes(old):
    root = fromstring(with_rating(old, 5))
    elements = [element.text for element in root.iter(f"{{{XMP}}}Rating")]
    assert elements + [e.attrib[f"{{{XMP}}}Rating"] for e in root.iter() if f"{{{XMP}}}Rating" in e.attrib] == ["5"]
    assert [e.attrib["{o}Rating"] for e in root.iter() if "{o}Rating" in e.attrib] == ["3"] * old.count("other:")
    assert keywords(with_keywords(with_rating(old, 5), ["a"])) == ["a"]


@pytest.mark.parametrize(
    "empty", ["<dc:subject/>", "<dc:subject></dc:subject>", "<dc:subject> <rdf:Bag/> </dc:subject>"]
)
def test_keywords_replace_an_empty_list_of_them(empty):
    old = f"<rdf:RDF {NAMES}><rdf:Description>{empty}<dc:title>t</dc:title></rdf:Description></rdf:RDF>"
    new = with_keywords(old, ["a"])
    assert keywords(new) == ["a"]
    assert "<dc:title>t</dc:title>" in new
    assert with_keywords(old, []) == old
