"""A study of alarms: real tables, faults of every kind at three severities, and whose alarms can be believed."""
