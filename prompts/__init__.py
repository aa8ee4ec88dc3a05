"""Prompts: their spaces and vocabularies, the rating model, and the steering."""
