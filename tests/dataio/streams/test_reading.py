"""What training needs of this folder stands on its own."""

import subprocess
import sys

CORE = {"", ".dataio", ".dataio.streams", ".files"} | {
    f".dataio.streams.{name}" for name in ("reading", "records", "stored")
}


def test_reading_streams_needs_nothing_that_makes_them():
    program = (
        "import sys, speechbrain_mmsed.dataio.streams.reading\n"
        "print(*(m for m in sys.modules if m.startswith('speechbrain_mmsed')))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, check=True
    )
    loaded = result.stdout.decode().split()
    assert {m.removeprefix("speechbrain_mmsed") for m in loaded} <= CORE
