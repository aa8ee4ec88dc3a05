"""Running programs that draw: web UIs and ComfyUI."""
