"""How we know: made videos, comparisons, statistics, theory. Imports the product; the product never
imports it.
"""
