"""A small space of prompts, and a judge whose truth is plain."""

from specimens.judging import ColourJudge

SPACE = """
template: a {style} picture of a {subject} in {palette} colors
slots:
  subject: [boat, tree, house]
  palette: [warm, cool, monochrome, neon]
  style: [flat, watercolor, pixel art, woodcut]
  steps: ['3']
"""


class Liking(ColourJudge):
    """A judge whose truth is plain: it likes pictures of some hues."""

    def __init__(self, name, *hues):
        self.name = name
        self.columns = [self.extractor.names.index(f"colour/hue/{hue}") for hue in hues]

    def score(self, items):
        return 100 * items[:, self.columns].sum(axis=1)
