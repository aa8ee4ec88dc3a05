"""The technical score, damage detectors, rated quality, and the rule of suspected damage."""
