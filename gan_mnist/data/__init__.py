"""Real images: where they come from, what a trial may see of them, and how they reach a network."""
