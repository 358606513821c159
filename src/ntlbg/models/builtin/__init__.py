"""The model that comes with the package: tower, words, expert, what it was taught."""
