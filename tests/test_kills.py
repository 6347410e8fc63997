"""Every program is killed at random moments; resumed, nothing has changed.

`MMSED_KILLS=20 pytest -m faults tests/test_kills.py` kills each twenty times:
by turns before one of its changes of files and at a time, spread over the run.
"""

import os
import random

import pytest

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]

KILLS = int(os.environ.get("MMSED_KILLS", 1))


def test_kills_change_nothing(program, tmp_path):
    expected = program.expected
    rng = random.Random(sum(map(ord, program.name)))
    while_running = 0
    for number in range(KILLS):
        out = tmp_path / f"killed_{number}"
        # The last of twenty is within the last twentieth of the run.
        part = (number + rng.random()) / KILLS
        how = {"last": 1 + int(part * program.changes)}
        if number % 2:
            how = {"seconds": part * program.seconds}
        while_running += program.run(out, **how)[0] < 0
        found, *_ = program.finish(out)
        assert found.keys() == expected.keys()
        for name, held in expected.items():
            assert found[name] == held, (part, name)
    print(f"{program.name}: {while_running} killed, {KILLS} equal")
    # Of those at a time, the last may come too late.
    assert while_running >= KILLS * 0.7
