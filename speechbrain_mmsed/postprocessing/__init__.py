"""From scores to event tables."""
