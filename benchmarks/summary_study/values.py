"""The values that two of the columns may hold; read by scripts in any environment, so without imports."""

STATUSES = ("new", "paid", "sent", "returned")
COUNTRIES = tuple(f"{first}{second}" for first in "ABCDE" for second in "KLMN")
