"""Taste into weights: trains a LoRA that makes a model draw more of what a taste likes, and examines it."""
