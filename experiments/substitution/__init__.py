"""Training on generated images in place of real ones."""
