"""A source profile drafted from an extract: what its names and cells give away, and what not."""
