"""The pages: what a person opens in a browser. Computes nothing that decides, draws what was decided."""
