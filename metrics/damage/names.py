"""Names of the built-in profiles; imports nothing, so that a list of them costs nothing."""

from __future__ import annotations

#: The technical score, and the version of its model and its detectors.
TECHNICAL, TECHNICAL_VERSION = "technical", 7
#: The technical score, appeal and rated quality in one.
OVERALL = "overall"
#: Detectors of one fault each. The order numbers the faults in stored evaluations: new ones are added at the end.
DETECTORS = ("blur", "noise", "jpeg", "fade", "saturate", "pixelate", "halo", "band", "burn", "grid", "smooth",
             "unfinished")  # fmt: skip
