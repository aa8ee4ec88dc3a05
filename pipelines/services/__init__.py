"""Services of the gallery: background work and its state, and data of pages."""
