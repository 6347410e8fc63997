"""Attention and fusion, the parts of the networks."""
