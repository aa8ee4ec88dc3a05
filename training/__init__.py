"""Trains the embedded model, and learns other models that soart comes with; no part of the installed package."""
