"""Whose alarms can be believed: a year of real days, every kind of fault at three severities, all systems side by side.

`python benchmarks/alarms.py --help` tells the options; `benchmarks/README.md` the protocol.
"""

from alarm_study.study import main

if __name__ == "__main__":
    main()
