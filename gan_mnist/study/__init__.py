"""Arms x seeds: declared, run, recorded, compared and told. Knows no model, no data, no TensorFlow."""
