"""Accuracy against the number of training images."""
