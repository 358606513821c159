"""Training: one runner (``run.py``), its recipes (``recipes/``), losses and stages."""
