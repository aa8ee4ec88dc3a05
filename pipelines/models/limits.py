"""Limits of requests and the words that options take; imports nothing, so that help pages are quick."""

from __future__ import annotations

#: Smallest and largest steps, guidance, and side in pixels, of a request.
STEPS, GUIDANCE, SIDE = (1, 1000), (0, 100), (8, 8192)
#: Smallest and largest strength with which a picture is drawn on: the share of the steps that are made.
STRENGTHS = (0.05, 1.0)
#: Seeds are below this.
SEED_LIMIT = 2**63
ENGINES = ("local", "ray")
#: Kinds of devices; a number may follow, as in ``cuda:1``.
DEVICES = ("cpu", "cuda", "mps", "xpu")
DTYPES = ("float32", "float16", "bfloat16")
OFFLOADS = ("auto", "none", "model", "sequential")
