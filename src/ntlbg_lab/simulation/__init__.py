"""Simulated features whose truth is known."""
