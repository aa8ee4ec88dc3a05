"""Names of the built-in profiles; imports nothing, so that a list of them costs nothing."""

from __future__ import annotations

#: The technical score and its version; and the version of the faults: the detectors, and the prior score of tastes.
TECHNICAL, TECHNICAL_VERSION, FAULTS_VERSION = "technical", 8, 7
#: The technical score, appeal and rated quality in one.
OVERALL = "overall"
#: Detectors of one fault each. The order numbers the faults in stored evaluations: new ones are added at the end.
DETECTORS = ("blur", "noise", "jpeg", "fade", "saturate", "pixelate", "halo", "band", "burn", "grid", "smooth",
             "unfinished")  # fmt: skip
