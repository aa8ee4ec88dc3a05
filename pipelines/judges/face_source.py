"""People in pictures by their faces, as phrases of a search and as a judge; nothing tells who they are, sex or age."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.special import logit

from ...metrics.items.combined import ItemKind
from ...metrics.items.faces import FACES, VERSION, Face, FaceExtractor, faces_of
from ...metrics.protocols import Pictures, Reason, Scale, Values
from ...prompts.phrases.cutting import Phrase
from .phrase_judgements import PhraseJudgement
from .phrase_sources import Brief

#: Fewest faces that make some people a group, and a crowd.
GROUP, CROWD = 2, 5
#: Fewest faces by the words that mean people.
PEOPLE: Mapping[str, int] = {
    **dict.fromkeys(("face", "portrait", "headshot", "selfie", "person", "human"), 1),
    **dict.fromkeys(("woman", "man", "lady", "girl", "boy"), 1),
    **dict.fromkeys(("people", "women", "men", "couple", "family", "group of people"), GROUP),
    **dict.fromkeys(("crowd", "crowd of people"), CROWD),
}
_FEMALE, _MALE = ("woman", "lady", "girl"), ("man", "boy")
#: Those among them that tell a sex, which faces do not, each with words of a prompt that tell the other.
UNTOLD: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys((*_FEMALE, "women"), _MALE),
    **dict.fromkeys((*_MALE, "men"), _FEMALE),
}
#: Log-odds that a picture shows faces if none is found, what a face that is found adds to its own, where half of the pictures
#: show faces, and standard deviation of all log-odds.
_NONE, _FOUND, _DEVIATION = -3.0, 3.5, 0.5
#: Why pictures have no value.
NO_FACE = "no face found"


class FaceSource:
    """Tells words that mean people by the faces in a picture."""

    def __init__(self) -> None:
        self.extractor, self.version = FaceExtractor(), VERSION
        self.item_kind = ItemKind(VERSION, FACES)
        self.lexicon: Mapping[str, str] = dict.fromkeys(PEOPLE, "subject")

    def knows(self, phrase: Phrase, brief: Brief) -> bool:
        """True for words that mean people, in pictures of any size."""
        return phrase.kind == "subject" and phrase.text in PEOPLE

    def judge(self, item: np.ndarray, phrase: Phrase) -> PhraseJudgement:
        """The judgement from the items of faces: of the least probable one of as many as the words mean."""
        needed = PEOPLE[phrase.text]
        likely = sorted((face.probability for face in faces_of(item)), reverse=True)
        odds = _FOUND + float(logit(likely[needed - 1])) if len(likely) >= needed else _NONE
        return PhraseJudgement.of(phrase, odds, _DEVIATION)


def quality(face: Face) -> float:
    """Worth of a face in a picture, 0…1: the mean of its size, sharpness and turn to the camera in logarithms."""
    return float(face.probability * np.cbrt(min(1.0, face.share * 10) * face.sharpness * face.facing))


class FacesJudge:
    """Judges by faces, 0…1: the more, the larger, the sharper, and the more turned to the camera, the better."""

    name, version, scale, needs = FACES, "1", Scale(0.0, 1.0, "faces"), ("items",)
    #: Kind of items that other processes measure for it.
    item_kind = ItemKind(VERSION, FACES)

    def __init__(self) -> None:
        self.extractor = FaceExtractor()

    def values(self, pictures: Pictures) -> Values:
        """Values of pictures; none for those without a face."""
        faces = [faces_of(item) for item in pictures.items(self.extractor)]
        values = [1 - np.prod([1 - quality(face) for face in found]) if found else np.nan for found in faces]
        return Values(np.array(values, dtype=np.float64), ["" if found else NO_FACE for found in faces])

    def reasons(self, pictures: Pictures, among: Pictures | None = None) -> list[list[Reason]]:
        """The faces of each picture, the largest first, each with what it adds."""
        told = []
        for item in pictures.items(self.extractor):
            left, reasons = 1.0, []
            for face in faces_of(item):
                worth = quality(face)
                reasons.append(Reason(described(face), left * worth))
                left *= 1 - worth
            told.append(reasons)
        return told


def described(face: Face) -> str:
    """A face in words, such as "sharp face over 12 % of the picture"."""
    focus = "sharp" if face.sharpness > 0.5 else "blurred" if face.sharpness < 0.2 else "soft"
    turned = "" if face.facing > 0.5 else ", turned away"
    return f"{focus} face over {100 * face.share:.1g} % of the picture{turned}"


def load(argument: str) -> FacesJudge:
    """Load the judge."""
    return FacesJudge()
