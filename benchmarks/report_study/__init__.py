"""What `report.py` measures, and pictures of made-up tables."""
