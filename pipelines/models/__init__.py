"""Diffusion models: a request to pixels."""
