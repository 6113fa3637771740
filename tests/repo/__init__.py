"""Tests of the repository itself: its layers, its purity, its pages."""
