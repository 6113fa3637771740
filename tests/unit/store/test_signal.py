"""The shared number by which a machine's processes tell each other that the route has moved."""

import subprocess
import sys

from trivium.store.signal import Signal, raise_signal


def test_what_one_raises_another_reads(tmp_path):
    """A reader that was there first sees the number without opening anything again; it only grows."""
    signal = Signal(tmp_path)
    assert signal.read() == 0
    raise_signal(tmp_path, 7)
    assert signal.read() == 7
    raise_signal(tmp_path, 5)
    assert signal.read() == 7
    raise_signal(tmp_path, 2**40)
    assert Signal(tmp_path).read() == signal.read() == 2**40
    signal.close()
    assert signal.read() == 2**40


def test_a_half_made_file_says_nothing(tmp_path):
    """A file that a killed writer left empty is none, and the next writer makes it whole."""
    (tmp_path / "route").mkdir()
    (tmp_path / "route" / "moved").touch()
    signal = Signal(tmp_path)
    assert signal.read() == 0
    raise_signal(tmp_path, 3)
    assert signal.read() == 3


def test_writers_do_not_lose_each_others_numbers(tmp_path):
    """Four processes raise to 200 each by their own steps: the greatest stands."""
    code = (
        "import sys; from pathlib import Path; from trivium.store.signal import raise_signal\n"
        "for seq in range(int(sys.argv[2]), 201, 4): raise_signal(Path(sys.argv[1]), seq)"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(n)]) for n in range(1, 5)]
    assert [writer.wait() for writer in writers] == [0, 0, 0, 0]
    assert Signal(tmp_path).read() == 200
