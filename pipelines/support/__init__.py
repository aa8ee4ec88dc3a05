"""Helpers without a subject: batching, background jobs, a Ray connection."""
