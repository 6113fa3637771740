"""Canaries looked at after every batch: how often a sound one is taken down, and how soon a bad one is.

`python benchmarks/canary.py --help` tells the options; `benchmarks/README.md` the protocol.
"""

import os

# Must stand before NumPy loads: its threads would fight those of the other processes over small products.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from canary_study.study import main

if __name__ == "__main__":
    main()
