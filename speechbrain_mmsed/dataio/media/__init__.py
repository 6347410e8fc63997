"""Sound and pictures out of media files."""
