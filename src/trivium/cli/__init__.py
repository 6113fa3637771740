"""The terminal: one file per command group, named as the stages are. Prints; decides nothing."""
