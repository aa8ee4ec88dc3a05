"""The attention-RT metric, versions A to D, and the comparison of two item sets."""
