"""Predictions and reference of any system, read from files and checked."""
