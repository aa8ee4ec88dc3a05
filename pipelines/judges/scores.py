"""The built-in judges of items: the overall score, the technical score, and the detectors of faults."""

from ..scoring.taste_store import built_in_judge as load

__all__ = ["load"]
