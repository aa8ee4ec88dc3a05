"""Pictures as judges see them: measures items, judges by tastes, and explains scores."""
