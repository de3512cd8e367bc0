"""Anything frozen that answers `sample(labels, seed)` with images, GAN or not."""
