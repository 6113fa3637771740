"""Values that every stage shares. Imports no other room of the house."""
