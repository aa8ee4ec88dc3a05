"""Optimizes pictures: by more seeds and by the gradient of the noise, within bounds."""
