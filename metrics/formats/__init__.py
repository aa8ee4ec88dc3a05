"""Formats of picture files: suffixes, decoders, and limits on what they unpack."""
