"""Steering: chooses the next prompts to draw."""
