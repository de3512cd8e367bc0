"""Few labels and many images: does a generator make more of them? After DPT, arXiv 2302.10586."""
