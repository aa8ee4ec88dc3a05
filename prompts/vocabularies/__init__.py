"""Wildcard files, one option per line.

A template names one as ``__style__``. Written for this project, Apache-2.0.
"""
