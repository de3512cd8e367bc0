"""A two-layer CNN on digits."""
