"""What every benchmark needs: environments for the peers, measured processes, and results as rows, table and file."""
