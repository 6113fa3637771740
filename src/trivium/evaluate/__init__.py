"""Evaluate: metrics, slices, scorecards and the gate. Pure: it reads arrays and frames, and writes nothing."""
