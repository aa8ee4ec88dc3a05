"""Trains the embedded model from rendered pictures; no part of the installed package."""
