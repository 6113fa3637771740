"""What comes in: the contract of a table, checks on its rows, its summary, and the quarantine decision. Pure."""
