"""Simulated canaries: how often a sound one is taken down, and how soon a bad one is."""
