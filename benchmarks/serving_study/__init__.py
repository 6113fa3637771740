"""Answering, measured: one model behind Trivium and its peers, and what a server owes when things go wrong."""
