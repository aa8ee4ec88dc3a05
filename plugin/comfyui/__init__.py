"""The nodes of ComfyUI."""
