"""Batch, mini-batch and online learning."""
