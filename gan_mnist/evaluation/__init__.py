"""What is measured on held-out images."""
