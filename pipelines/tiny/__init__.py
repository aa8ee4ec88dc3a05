"""The embedded Stable Diffusion model: words, renderer, training script and weights."""
