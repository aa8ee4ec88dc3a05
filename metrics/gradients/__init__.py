"""Values of judges as differentiable functions of pixels: torch twins of items, models and tastes."""
