"""The benchmark of training steps runs, and compares like with like."""

import pathlib
import re
import warnings

import pytest
import torch

SMALL = """
n_layers: 2
n_heads: 2
d_head: 8
d_model: 16
d_ffn: 16
cnn_channels: [4, 4, 4, 4, 4, 4, 16]
num_workers: 0
"""
NAMES = {
    r"\.layers\.0\.": ".0.",
    r"\.layers\.3\.": ".2.",
    r"\.attentions\.": ".",
    r"\.positions\.table": ".positions",
    r"\.convolution\.gate\.0\.": ".convolution.0.",
    r"\.convolution\.depthwise\.": ".convolution.2.",
    r"\.convolution\.norm\.": ".convolution.3.",
    r"\.convolution\.out\.1\.": ".convolution.5.",
}


@pytest.fixture
def benchmark(load_recipe):
    load_recipe("benchmarks/step_speed.py")
    return load_recipe


def plain_state(state, like):
    """Weights of our network under the names of the plain one."""
    found = {}
    for name, value in state.items():
        for pattern, new in NAMES.items():
            name = re.sub(pattern, new, name)
        stack = re.match(r"extractor\.stacks\.(\d+)\.(\w+)\.(\w+)", name)
        joint = re.match(r"(.*)\.in_(weight|bias)", name)
        if stack:
            number = 5 * int(stack[1]) + (stack[2] == "norm")
            found[f"extractor.{number}.{stack[3]}"] = value
        elif joint:
            parts = ("queries", "keys", "values")
            for part, own in zip(parts, value.chunk(3), strict=True):
                found[f"{joint[1]}.{part}.{joint[2]}"] = own
        else:
            found[name] = value
    return {name: x.reshape(like[name].shape) for name, x in found.items()}


def both(benchmark, network, folder, more):
    """Plain training and ours from the same weights, and a batch."""
    recipe = benchmark("benchmarks/recipe_training.py")
    training = benchmark("benchmarks/plain_training.py")
    settings = network, [2, 3, 4], folder, SMALL + more
    hparams = recipe.recipe_hparams(*settings)
    ours = recipe.OurTraining(recipe.recipe_hparams(*settings), "cpu", "fp32")
    plain = training.PlainTraining(hparams, "cpu", "fp32")
    state = plain_state(ours.student.state_dict(), plain.student.state_dict())
    plain.student.load_state_dict(state)
    plain.teacher.load_state_dict(state)
    return plain, ours, recipe.make_batch(hparams, seed=1)


@pytest.mark.parametrize("network", ["transformer:3", "conformer:3"])
def test_the_plain_network_is_ours(benchmark, network, tmp_path):
    plain, ours, batch = both(benchmark, network, tmp_path, "")
    streams = [batch.stream_openl3, batch.stream_tce]
    weights = torch.tensor([0.5, 0.3, 0.2])
    inputs = batch.log_mel, streams, batch.available, weights
    assert 0 < int(batch.available[:, 1].sum()) < 7
    with torch.no_grad():
        expected = plain.student.eval()(*inputs)
        found = ours.student.eval()(*inputs)
    for one, two in zip(expected, found, strict=True):
        torch.testing.assert_close(one, two, atol=1e-5, rtol=1e-4)


def test_the_plain_step_is_ours(benchmark, tmp_path):
    still = "dropout: 0.0\nmixup_rate: 0.0\nema_decay: 0.5\nlr: 0.1\n"
    plain, ours, batch = both(benchmark, "transformer:2", tmp_path, still)
    start = {n: p.clone() for n, p in plain.student.named_parameters()}
    for _ in range(2):
        plain.step(batch)
        ours.step(batch)
    for theirs, model in (
        (plain.student, ours.student),
        (plain.teacher, ours.brain.teacher),
    ):
        expected = theirs.state_dict()
        found = plain_state(model.state_dict(), expected)
        for name, value in found.items():
            torch.testing.assert_close(
                value, expected[name], atol=1e-4, rtol=1e-3, msg=name
            )
        assert any(bool((expected[n] != start[n]).any()) for n in start)


@pytest.fixture
def measure(benchmark, tmp_path, capsys):
    """Runs the benchmark; returns the cells of its tables, row by row."""
    step_speed = benchmark("benchmarks/step_speed.py")
    out = tmp_path / "table.md"

    def start(arguments):
        arguments += f" --device cpu --batch 1,1,2 --out {out}"
        step_speed.main([*arguments.split(), "--more", SMALL])
        text, printed = out.read_text(), capsys.readouterr().out
        assert printed.startswith(text)
        assert printed.splitlines()[-1] == f"table: {out}"
        about, *lines = text.splitlines()
        assert f"torch {torch.__version__}, batch 1+1+2, TF32 True" in about
        return [re.split(r" *\| *", x)[1:-1] for x in lines if "|" in x]

    return start


def test_steps_are_measured_in_turns(measure):
    arguments = "--networks transformer:2 --precisions fp32,bf16 --rounds 2"
    header, _, *rows = measure(arguments)
    assert [row[:3] for row in rows] == [
        ["transformer:2", precision, training]
        for precision in ("fp32", "bf16")
        for training in ("plain", "ours")
    ]
    # Without a card there is neither its memory nor a wait for it.
    assert len(header) == 9
    for row in rows:
        assert len(row) == len(header)
        assert float(row[3]) > 0 and float(row[6]) > 0
        assert row[7:] == ["-", "-"]
        if row[2] == "plain":
            assert row[5] == "1.00"


def test_files_and_processes_are_measured(measure):
    arguments = "--networks= --loader --loader_batches 4 --processes 1"
    rows = measure(f"{arguments} --seconds 0.2")
    rates = {row[0]: row[1:] for row in rows}
    for name, number in (("waveform", 2), ("log_mel", 2), ("1", 1)):
        assert len(rates[name]) == number
        assert all(float(rate) > 0 for rate in rates[name])


@pytest.mark.filterwarnings("ignore")
def test_waits_are_counted_by_place(benchmark, monkeypatch):
    contender = benchmark("benchmarks/contender.py")
    modes = []
    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", modes.append)

    class Training:
        def step(self, batch):
            for _ in range(batch):
                warnings.warn("called a synchronizing CUDA op", stacklevel=1)
            warnings.warn("something else", stacklevel=1)

    way = contender.Contender("ours", Training, [1, 3])
    waits = way.waits(4)
    assert modes == ["warn", "default"]
    ((place, number),) = waits.items()
    assert number == 2.0
    assert place.startswith(f"tests/recipes/{pathlib.Path(__file__).name}:")
