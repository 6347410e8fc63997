"""The five metrics, by the official libraries."""
