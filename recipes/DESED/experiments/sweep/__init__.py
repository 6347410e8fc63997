"""Experiments of many systems and seeds: plans, runs, tables."""
