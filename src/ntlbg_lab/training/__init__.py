"""The training data and stages of the built-in model."""
