"""Corpora as people have them: names of files, and what has changed since."""
