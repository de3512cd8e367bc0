"""A CNN on colour photographs."""
