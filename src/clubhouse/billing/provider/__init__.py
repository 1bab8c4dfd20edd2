"""The payment provider: what is asked of it, and what it tells us."""
