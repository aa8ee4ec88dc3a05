"""Wildcard files, one option a line; a template names one as ``__style__``. Written for this project, Apache-2.0."""
