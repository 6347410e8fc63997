"""A folder from elsewhere: what its yaml may name, and whole files."""

import contextlib
import json
import os
import shutil

import hyperpyyaml
import pytest

from speechbrain_mmsed.cli import main
from speechbrain_mmsed.inference import DetectionError, SoundEventDetector
from speechbrain_mmsed.inference.trust import refuse_code

# Each of them runs `touch exploded`, or something else than networks. What
# stands in DANGEROUS does so by HyperPyYAML alone: the bombs are real.
DANGEROUS = {
    "apply": "x: !apply:os.system [touch exploded]",
    "new": "x: !new:subprocess.Popen [[touch, exploded]]",
    "applyref": "x: !applyref:os.system [touch exploded]",
    "python apply": "x: !!python/object/apply:os.system [touch exploded]",
    "verbatim": "x: !<tag:yaml.org,2002:python/object/apply:os.system> "
    "[touch exploded]",
    "escaped tag": "x: !apply:%6Fs.system [touch exploded]",
    "handle": "%TAG !e! !apply:\n---\nx: !e!os.system [touch exploded]",
    "handle of python": "%TAG !e! tag:yaml.org,2002:python/object/apply:\n"
    "---\nx: !e!os.system [touch exploded]",
    "tuple": 'x: ("a", !!python/object/apply:os.system ["touch exploded"])',
    "quoted tuple": "x: '(!!python/object/apply:os.system [touch exploded])'",
    "key": "? !apply:os.system [touch exploded]\n: 1",
    "include": "x: !include:other.yaml",
    "nested": "a: {b: [{c: !apply:os.system [touch exploded]}]}",
    "allowed parent": "x: !name:speechbrain_mmsed.lobes.cnn."
    "ConvolutionalFeatureExtractor\n  n_mels: !apply:os.system "
    "[touch exploded]",
    "anchor": "a: &b !apply:os.system [touch exploded]\nc: *b",
    "partial": "x: !apply:functools.reduce [!name:os.system, "
    "[touch exploded, ''], touch exploded]",
    "eval": 'x: !apply:eval [\'__import__("os").system("touch exploded")\']',
}
FORBIDDEN = {
    "name": "x: !name:os.system",
    "module": "x: !module:os",
    "python name": "x: !!python/name:os.system ''",
    "attribute": "a: {}\nx: !ref <a.__class__>",
    "attribute in between": "a: <b.__class__>\nb: {}\nx: !ref <a>",
    "copy": "a: {}\nx: !copy <a>",
    "power": "a: 9**9**9**9\nx: !ref <a>/w.pt",
    "text times": "a: '\"a\" * 99999999999'\nx: !ref <a>/w.pt",
    "calculation": "a: 9\nx: !ref <a> ** <a> ** <a> ** <a>",
    "another class of the package": "x: !new:speechbrain_mmsed.inference."
    "folders.run.Outputs [a, [tsv]]",
    "module behind an embedder": "x: !name:speechbrain_mmsed.lobes.visual."
    "weights.os.system.Embedder",
    "pretrainer": "x: !new:speechbrain.utils.parameter_transfer.Pretrainer\n"
    "  paths: {network: 'https://example.org/x.ckpt'}",
    "apply of what may be named": "x: !apply:speechbrain_mmsed.inference."
    "weights.load_weights [a, b]",
    "laughs": "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
    + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 9)
    ),
    "circle": "a: &a\n  b: *a",
    "depth": "a: " + "[" * 5000 + "]" * 5000,
    "date": "a: 2020-01-01",
    "set": "a: !!set {b}",
    "two documents": "a: 1\n---\nb: 1",
    "nothing": "",
    "no yaml": "a: [",
    "not text": "a: \x00",
}


@pytest.mark.parametrize("escape", [*DANGEROUS, *FORBIDDEN])
def test_nothing_but_networks_is_built(escape, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.yaml").write_text("a: !apply:os.system [touch exploded]")
    path = tmp_path / "hyperparams.yaml"
    path.write_text({**DANGEROUS, **FORBIDDEN}[escape])
    with pytest.raises(DetectionError, match="hyperparams.yaml"):
        refuse_code(path)
    assert not (tmp_path / "exploded").exists()


def test_the_bombs_are_real(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.yaml").write_text("a: !apply:os.system [touch exploded]")
    duds = []
    for name, text in DANGEROUS.items():
        (tmp_path / "exploded").unlink(missing_ok=True)
        with contextlib.suppress(Exception):  # what it did before counts
            hyperpyyaml.load_hyperpyyaml(text)
        if not (tmp_path / "exploded").exists():
            duds.append(name)
    assert len(duds) < len(DANGEROUS) / 2, duds


def test_a_detector_with_a_bomb_is_not_loaded(exported, tmp_path, capsys):
    folder = shutil.copytree(exported[0], tmp_path / "detector")
    mark = tmp_path / "exploded"
    with open(folder / "hyperparams.yaml", "a") as file:
        file.write(f"\nbomb: !apply:os.system ['touch {mark}']\n")
    (folder / "files.json").unlink()
    (tmp_path / "a.wav").write_bytes(b"")
    command = ["detect", str(tmp_path / "a.wav"), "--model", str(folder)]
    assert main(command) == 2
    assert "'!apply:os.system' is named" in capsys.readouterr().err
    assert not mark.exists()
    # Who asks for it gets it.
    SoundEventDetector.from_hparams(source=folder, trust=True)
    assert mark.exists()


@pytest.mark.parametrize("name", ["network.ckpt", "postprocessing.json"])
def test_a_flipped_bit_is_found(exported, tmp_path, name):
    folder = shutil.copytree(exported[0], tmp_path / "detector")
    listed = json.loads((folder / "files.json").read_text())
    assert sorted([*listed, "files.json"]) == sorted(os.listdir(folder))
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(DetectionError, match=f"{name} has the sha256"):
        SoundEventDetector.from_hparams(source=folder)
    (folder / name).unlink()
    with pytest.raises(DetectionError, match=f"{name} cannot be read"):
        SoundEventDetector.from_hparams(source=folder)
    for content in ("[1]", '{"../a": "b"}', "{", '{"a": 1}'):
        (folder / "files.json").write_text(content)
        with pytest.raises(DetectionError, match=r"files\.json|/a cannot"):
            SoundEventDetector.from_hparams(source=folder)
