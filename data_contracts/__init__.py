"""What a row may be: names, words and contracts of every table that comes in or goes out."""
