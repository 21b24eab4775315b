"""Invented extracts: hand-sized nights that each show one thing, and a seeded hospital."""
