"""Names of judges and faults, and starts of stored names; imports next to nothing, so that a list costs nothing."""

from __future__ import annotations

#: The technical score and its version; and the version of the faults: the detectors, and the prior score of tastes.
TECHNICAL, TECHNICAL_VERSION, FAULTS_VERSION = "technical", 9, 8
#: Name under which technical scores are stored.
STORED_TECHNICAL = f"{TECHNICAL}-{TECHNICAL_VERSION}"
#: The technical score, appeal and rated quality in one.
OVERALL = "overall"
#: Start of the names under which values of judges are stored, of those of tastes, and of the names of people who judge.
JUDGE, TASTE, PERSON = "judge:", "taste:", "person:"
#: Detectors of one fault each. The order numbers the faults in stored evaluations: new ones are added at the end.
DETECTORS = ("blur", "noise", "jpeg", "fade", "saturate", "pixelate", "halo", "band", "burn", "grid", "smooth",
             "unfinished", "ring")  # fmt: skip
#: Faults as nouns, such as "fading" for ``fade``.
NOUNS = {
    "blur": "blur", "noise": "noise", "jpeg": "JPEG artefacts", "fade": "fading", "saturate": "over-saturation",
    "pixelate": "low resolution", "halo": "halos", "band": "banding", "burn": "burnt colours",
    "grid": "a regular grid", "smooth": "over-smoothing", "unfinished": "an unfinished rendering", "ring": "ringing",
}  # fmt: skip
