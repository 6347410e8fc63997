"""Counts by clip, class and operating point."""
