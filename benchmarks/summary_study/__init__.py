"""The rows, the cases and the peers of the benchmark of summaries."""
