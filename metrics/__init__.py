"""Pictures to numbers: safe decoding, SOART items, and the technical score."""
