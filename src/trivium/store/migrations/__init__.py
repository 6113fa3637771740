"""The store's schema, step by step. Run by `store.records.migrate`, never by hand."""
