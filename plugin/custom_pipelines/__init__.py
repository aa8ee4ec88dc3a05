"""Pipelines of diffusers with ``best_of`` and ``tune``, for ``custom_pipeline=``."""
