"""Records in, a page with figures out."""
