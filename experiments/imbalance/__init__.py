"""The source: one image of a digit against hundreds of two others."""
