"""The technical score, damage detectors, and the rule of suspected damage."""
