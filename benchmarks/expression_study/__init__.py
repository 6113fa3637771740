"""What `expressions.py` measures."""
