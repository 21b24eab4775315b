"""Returned sheets read back: what a care team answered, and why a row of theirs does not count."""
