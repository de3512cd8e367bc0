"""The commands other than `main`, such as running exported models, and what they all share."""
