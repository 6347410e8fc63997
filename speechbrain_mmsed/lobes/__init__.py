"""Networks that other recipes may import."""
