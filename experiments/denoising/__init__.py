"""Removing a known image and noise, with an adversarial loss and without."""
