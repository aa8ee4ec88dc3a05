"""The embedded Stable Diffusion model: its words, its renderer, its training script and its weights."""
