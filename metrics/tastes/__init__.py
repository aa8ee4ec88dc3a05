"""Tastes learnt from ratings: learning, trust, explanation and exchange."""
