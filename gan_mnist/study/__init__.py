"""Arms x seeds: declared, run, recorded, compared and told. Knows no model and no TensorFlow."""
