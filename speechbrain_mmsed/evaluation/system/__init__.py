"""Evaluation of a system that is known by its files alone."""
