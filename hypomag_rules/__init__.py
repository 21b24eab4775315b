"""What the rows mean: polars expressions and small frame functions, no files, no clock."""
