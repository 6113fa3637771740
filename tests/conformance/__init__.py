"""Tests that any implementation of a port must pass: subclass, give the fixture, run."""
