"""Damaged files among features to import: named, counted, and passed over."""

import io
import random
import zipfile

import numpy as np
import pytest
import stream_import

from speechbrain_mmsed.dataio.streams.records import StreamError

pytestmark = pytest.mark.faults

VECTORS, TIMES = np.ones((100, 5), np.float32), np.arange(100) / 10
CLIPS = {f"weak/{n}": {"filename": f"{n}.wav", "duration": 10.0} for n in "ab"}


def npz(save=np.savez, **arrays):
    """The bytes of an archive, as the openl3 tool writes it but for these."""
    content = io.BytesIO()
    save(content, **{"embedding": VECTORS, "timestamps": TIMES, **arrays})
    return content.getvalue()


def npy(array):
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


def huge_npy():
    """A head that announces 4 TB."""
    content = io.BytesIO()
    head = {"descr": "<f4", "fortran_order": False, "shape": (10**9, 1000)}
    np.lib.format.write_array_header_1_0(content, head)
    return content.getvalue()


def bomb():
    """A small archive that would expand to 400 MB."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, True, 1) as file:
        with file.open("embedding.npy", "w") as part:
            head = {"descr": "<f4", "fortran_order": False}
            head["shape"] = (20_000, 5000)
            np.lib.format.write_array_header_1_0(part, head)
            for _ in range(400):
                part.write(bytes(10**6))
        file.writestr("timestamps.npy", npy(np.arange(20_000.0)))
    return content.getvalue()


BAD = {
    "cut.npz": lambda: npz()[:500],
    "empty.npz": lambda: b"",
    "no_zip.npz": lambda: b"no archive",
    "an_npy.npz": lambda: npy(VECTORS),
    "an_npz.npy": npz,
    "cut.npy": lambda: npy(VECTORS)[:200],
    "head.npy": lambda: npy(VECTORS).replace(b"(100", b"(((("),
    "huge.npy": huge_npy,
    "bomb.npz": bomb,
    "text.npz": lambda: npz(embedding=np.full((100, 5), "x")),
    "objects.npz": lambda: npz(embedding=np.array([[1, None]])),
    "complex.npz": lambda: npz(embedding=VECTORS * 1j),
    "spans.npz": lambda: npz(embedding=np.ones((100, 5), "m8[s]")),
    "lowest.npz": lambda: npz(embedding=np.full((100, 5), -(2**63))),
    "nan.npz": lambda: npz(embedding=VECTORS * np.nan),
    "infinite.npz": lambda: npz(embedding=VECTORS * np.inf),
    "flat.npz": lambda: npz(embedding=np.ones(100)),
    "nan_times.npz": lambda: npz(timestamps=TIMES * np.nan),
    "text_times.npz": lambda: npz(timestamps=TIMES.astype(str)),
    "complex_times.npz": lambda: npz(timestamps=TIMES + 0j),
    "few_times.npz": lambda: npz(timestamps=TIMES[:7]),
}


def run(tmp_path, content, ending):
    """The report of importing a whole file and one with this content."""
    folder = tmp_path / "features"
    folder.mkdir(exist_ok=True)
    (folder / "a.npz").write_bytes(npz())
    path = folder / f"b{ending}"
    path.write_bytes(content)
    importer = stream_import.StreamImport(
        folder, tmp_path / "streams", "x", "other", rate=10
    )
    return importer.run(CLIPS, progress=False), importer.store, path


@pytest.mark.parametrize("name", BAD)
def test_one_bad_file_is_named_and_the_rest_is_imported(
    tmp_path, name, monkeypatch
):
    said = []
    note = lambda text, *of: said.append(text % of)  # noqa: E731
    monkeypatch.setattr(stream_import.logger, "warning", note)
    report, store, path = run(tmp_path, BAD[name](), name[-4:])
    assert report.available == 1 and report.unavailable == {"unreadable": 1}
    assert (store.read("weak/a") == 1).all()
    assert said[0].startswith(f"1 files cannot be used: {path}: ")
    assert "\n" not in said[0]


def test_a_file_of_another_width_stops_and_both_are_named(tmp_path):
    with pytest.raises(StreamError, match=r"b\.npz .* 7, .*a\.npz of 5"):
        run(tmp_path, npz(embedding=np.ones((100, 7))), ".npz")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_mutated_files_are_refused_or_read_as_numpy_reads_them(tmp_path, save):
    rng, whole = random.Random(0), npz(save, embedding=VECTORS * TIMES[:, None])
    refused = 0
    for number in range(30):
        content = bytearray(whole)
        for _ in range(rng.choice([1, 2, 8])):
            content[rng.randrange(len(content))] = rng.randrange(256)
        if number % 6 == 0:
            del content[rng.randrange(len(content)) :]
        report, store, path = run(tmp_path, bytes(content), ".npz")
        if report.unavailable:
            refused += 1
            continue
        with np.load(path) as found:  # the second, obvious reader
            nearest = np.abs(
                found["timestamps"][:, None] - (np.arange(64) + 0.5) * 10 / 64
            ).argmin(0)
            expected = found["embedding"][nearest].astype(np.float16)
        assert (store.read("weak/b") == expected).all()
    assert refused > 15
