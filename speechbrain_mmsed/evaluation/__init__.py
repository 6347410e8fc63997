"""Metrics, tuning and reports; knows no network."""
