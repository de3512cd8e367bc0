"""Networks: classifiers, and generators that share one adversarial `train_step`."""
