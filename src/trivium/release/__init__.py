"""Release: versions, their stages, the route, and the tests that move them. Pure folds over the ledger's events."""
