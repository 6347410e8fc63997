"""Every reader of the project on thousands of damaged files.

Whatever a file holds, the answer is one line that names it, soon and in
little memory, or the values that a second, plain reader finds there.
`MMSED_MUTATIONS=10000 pytest -s -m faults tests/test_mutations.py` tries that
many; without it there are as many as fit beside other tests.
"""

import fnmatch
import os

import pytest
from mutations import (
    detectors,
    media,
    recipe_tables,
    runs,
    streams,
    tables,
    weights,
    yamls,
)
from mutations.trial import case, outcome, tried

pytestmark = [pytest.mark.faults, pytest.mark.timeout(0)]

CASES = int(os.environ.get("MMSED_MUTATIONS", 200))
ROOMS = (
    *(tables, recipe_tables, yamls, runs, streams),
    *(weights, detectors, media),
)
READERS = {reader.__name__: reader for room in ROOMS for reader in room.READERS}


@pytest.mark.parametrize("name", READERS)
def test_damaged_files_are_refused_or_read_as_they_are(name, tmp_path):
    (tmp_path / "made").mkdir()
    reader = READERS[name](tmp_path / "made")
    count = max(20, round(reader.share * CASES))
    found = tried(name, reader, count, tmp_path / "files")
    print(
        f"\n{name:20} {found.cases:6} cases {found.refused:6} refused "
        f"{found.accepted:6} accepted, slowest {found.slowest:.2f} s, "
        f"{len(found.problems)} wrong",
        end="",
    )
    told = "\n\n".join(found.problems[:5])
    assert not found.problems, f"{len(found.problems)} wrong:\n{told}"
    assert found.accepted and (found.refused or reader.heals)


# Reader, ending of a file, what stands there, what stood there instead when
# it was read as something else, or ended in a traceback.
FOUND = (
    ("event_table", ".tsv", b"2.25", b"2_25"),
    ("prepared_truth", "truth.tsv", b"a.wav\t3.0", b'"a.wav\t3.0'),
    ("score_tables", "b.tsv", b"0.100\t0.200", b"0.100\t0_2"),
    ("label_list", ".txt", b"Dog", b"\xe9"),
    ("video_table", ".txt", b"b.wav", b"\xe9.wav"),
    ("own_tables", "set.csv", b"30.000, 40", b", 40"),
    ("jams", ".jams", b'"value": "Dog"', b'"value": null'),
    ("jams", ".jams", b'"tag_open"', b"1"),
    ("paper_figures", ".csv", b"82.48", b"8x"),
    ("plan", "plan.yaml", b"seeds: 3", b"seeds: 99999999999"),
    ("plan", "plan.yaml", b"seeds: 3", b"seeds: [1.5]"),
    ("plan", "plan.yaml", b"seeds: 3", b"seeds: ]"),
    ("recipe_yaml", "variant.yaml", b"\n  seconds: 2.5\n", b" 2.5\n"),
    ("stream", "a.npy", b"<f2", b"<i2"),
    ("stream", "a.npy", b"<f2", b">f2"),
    ("stream", "stream.json", b'"film"', b"null"),
    ("packed_stream", "packed-*.npy", b"<f2", b"|O2"),
    ("log_mel_cache", ".npy", b"<f2", b"<i2"),
    ("pseudo_labels", "source.json", b"sha256", b"sha"),
    ("bare_detector", "postprocessing.json", b"0.5", b'"0.5"'),
)


@pytest.mark.parametrize(("name", "ending", "old", "new"), FOUND)
def test_what_was_found_is_refused(name, ending, old, new, tmp_path):
    for folder in ("made", "files"):
        (tmp_path / folder).mkdir()
    reader = READERS[name](tmp_path / "made")
    (damaged,) = fnmatch.filter(reader.files, f"*{ending}")
    for file, content in reader.files.items():
        if file == damaged:
            assert old in content
            content = content.replace(old, new, 1)
        path = tmp_path / "files" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    assert outcome(reader, tmp_path / "files", 10_000) == "refused"


def test_a_case_is_the_same_damage_each_time(tmp_path):
    reader = READERS["truth"](tmp_path)
    cases = [case("truth", reader, number) for number in range(50)]
    assert cases == [case("truth", reader, number) for number in range(50)]
    assert len(set(cases)) > 45
