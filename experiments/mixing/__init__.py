"""Training on batches that are half generated."""
