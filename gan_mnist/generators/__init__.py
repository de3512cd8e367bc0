"""Anything frozen that returns images for `sample(labels, seed)`, GAN or not."""
