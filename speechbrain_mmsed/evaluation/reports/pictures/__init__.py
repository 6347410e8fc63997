"""Pictures of a report, from scores and counts; matplotlib is optional."""
