"""One file per layout: a raw file in, canonical rows as text out."""
