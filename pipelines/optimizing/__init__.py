"""Optimizes pictures: by search over noise, by its gradient, or by guidance, within bounds."""
