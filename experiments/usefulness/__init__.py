"""Generated images judged by what they teach a classifier."""
