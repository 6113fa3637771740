"""Steps compiled to one row: what they do to a frame of requests, recorded and done again without a frame."""
