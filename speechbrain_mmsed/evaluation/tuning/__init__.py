"""Post-processing tuned on validation."""
