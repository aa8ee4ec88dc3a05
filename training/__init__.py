"""Trains the embedded model, and learns appeal and rated quality; no part of the installed package."""
