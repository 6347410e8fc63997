"""Embeddings of clips: made, imported, stored and read."""
