"""The pages, and what generates some of them."""
