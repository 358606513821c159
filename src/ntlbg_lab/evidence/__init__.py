"""Annotated evidence, and how much of it lists of frames hold."""
