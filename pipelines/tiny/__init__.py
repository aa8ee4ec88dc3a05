"""The embedded Stable Diffusion model: words, renderer, training, weights."""
