"""What every test stands on: laws are drawn the same way in each run, so that a red test stays red."""

from hypothesis import settings

settings.register_profile("house", deadline=None, derandomize=True, database=None, max_examples=100)
settings.load_profile("house")
