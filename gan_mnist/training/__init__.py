"""Networks in training: the loop that all share, and classifier, denoiser and judge on it."""
