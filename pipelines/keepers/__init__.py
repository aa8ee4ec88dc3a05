"""Groups of pictures of one prompt, burst or look, and the ones of each that are worth keeping."""
