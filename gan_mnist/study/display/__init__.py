"""What is told while a study runs, and the time that is left."""
