"""Tunes prompts: studies, judges, steering and the loop."""
