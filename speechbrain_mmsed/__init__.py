"""Sound event detection from sound and partly missing video."""

__version__ = "0.1.0"
