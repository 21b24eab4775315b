"""Where and when: the only place with files, clocks, DuckDB and Prefect."""

import os

# Polars keeps what it freed: giving pages back and asking for them again takes a sixth of the CPU
# of reading ten million rows. It is said here, before anything imports polars.
os.environ.setdefault("_RJEM_MALLOC_CONF", "narenas:2,dirty_decay_ms:-1,muzzy_decay_ms:-1")
