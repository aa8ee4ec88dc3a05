"""Draws, stores, rates, ranks and tunes pictures, and reports on them."""
