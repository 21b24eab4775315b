"""Where and when: the only place with files, clocks, DuckDB and Prefect."""
