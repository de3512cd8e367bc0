"""Document 001: one image of a digit against hundreds of two others."""
