"""What is kept: the ledger, the blobs, and the folds over them. The only room that touches disk and database.

Import the adapter that is needed (`store.ledger`, `store.blobs`, ...): SQLAlchemy and Polars load with it, not here.
"""
