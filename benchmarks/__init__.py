"""Measuring speed and memory on invented extracts of any size."""
