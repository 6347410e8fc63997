"""Training: the mean-teacher Brain and scoring."""
