"""How fast, beside RecBole: `python -m tests.benchmarks`."""
