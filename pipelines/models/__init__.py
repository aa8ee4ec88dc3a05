"""Loads diffusion models and draws pictures for requests."""
