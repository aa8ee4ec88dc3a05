"""The embedded Stable Diffusion model: its words and its weights."""
