"""General helpers: batching, background jobs, a Ray connection."""
