"""A small space of prompts, and a judge whose truth is plain."""

from soart.metrics.items.colour import ColourExtractor

SPACE = """
template: a {style} picture of a {subject} in {palette} colors
slots:
  subject: [boat, tree, house]
  palette: [warm, cool, monochrome, neon]
  style: [flat, watercolor, pixel art, woodcut]
  steps: ['3']
"""


class Liking:
    """A judge whose truth is plain: it likes pictures of some hues."""

    extractor = ColourExtractor()

    def __init__(self, name, *hues):
        self.stored_name = name
        self.columns = [self.extractor.names.index(f"colour/hue/{hue}") for hue in hues]

    def score(self, items):
        return 100 * items[:, self.columns].sum(axis=1)

    def explain(self, items):
        return [[] for _ in items]
