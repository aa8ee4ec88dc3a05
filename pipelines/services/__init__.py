"""Long-lived, threaded state behind the browser."""
