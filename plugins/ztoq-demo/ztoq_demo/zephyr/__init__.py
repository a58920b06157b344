"""A small Zephyr Cloud server that keeps its state in memory: for tests, benchmarks, the demo."""
