#!/usr/bin/env python3
r"""How fast a step of training is, beside a plain one of the same network.

A step: mixup, student forward and backward, teacher forward, clipped
gradients, RAdam, and the teacher's average. "plain" is `plain_training.py`,
"ours" train.py's Brain with the yaml's network, "compiled" the same with
SpeechBrain's run option `compile` (`--compile`). They take turns in one
process; a figure is the median over rounds of a round's mean, "times as fast"
the median over rounds of plain's time by theirs. What is compiled is compiled
in the first step, which is not counted; "compiling" are its seconds. Clips are
random numbers with DESED's gaps and lie on the device already, unless
`--from_host` is given.

Peak memory is that of one contender with its optimiser and teacher, without
the batches. Waits are calls at which the host waits for the card, counted in
further steps by torch's debug mode for synchronisation, with the places below
the table.

> python recipes/DESED/benchmarks/step_speed.py --compile --out steps.md
> python recipes/DESED/benchmarks/step_speed.py --quick
> python recipes/DESED/benchmarks/step_speed.py --networks "" --loader \
    --processes 1,2,4,6

Authors
 * The speechbrain_mmsed authors, 2026
"""

import argparse
import datetime
import gc
import os
import pathlib
import platform
import statistics
import tempfile

import torch
from contender import Contender
from plain_training import PlainTraining
from recipe_training import (
    OurTraining,
    make_batch,
    place,
    recipe_hparams,
    use_tf32,
)
from tqdm import tqdm
from whole_training import loader_rates, processes_rate

NETWORKS = "transformer:1,transformer:2,transformer:3,conformer:2"


def contenders(network, precision, folder, args):
    """Plain, ours and perhaps compiled of a network, warmed up."""
    settings = network, args.batch, folder, args.more
    hparams = recipe_hparams(*settings)
    batches = [make_batch(hparams, seed) for seed in range(args.n_batches)]
    if not args.from_host:
        batches = [place(batch, args.device) for batch in batches]
    elif args.device.startswith("cuda"):
        batches = [batch.pin_memory() for batch in batches]
    where = args.device, precision
    ways = {
        "plain": lambda: PlainTraining(hparams, *where),
        "ours": lambda: OurTraining(hparams, *where),
    }
    if args.compile:
        # Read again: modules belong to one Brain.
        ways["compiled"] = lambda: OurTraining(
            recipe_hparams(*settings), *where, compiled=True
        )
    made = [Contender(title, way, batches) for title, way in ways.items()]
    sizes = {
        c.title: sum(p.numel() for p in c.training.student.parameters())
        for c in made
    }
    assert len(set(sizes.values())) == 1, f"parameters differ: {sizes}"
    return made


def measure_steps(args, say, bar):
    """Prints a row for each contender; then where the host waits."""
    on_card = args.device.startswith("cuda")
    columns = ["network", "precision", "training", "ms a step", "range"]
    columns += ["times as fast", "clips/s", "waits a step", "compiling, s"]
    columns += ["peak MiB"] if on_card else []
    say(_row(columns))
    say(_row(["---"] * len(columns)))
    notes = []
    if on_card:
        # Working memory of the libraries is nobody's own.
        x = torch.ones(8, 8, device=args.device, requires_grad=True)
        (x @ x).sum().backward()
    for network in args.networks:
        for precision in args.precisions:
            with tempfile.TemporaryDirectory() as folder:
                made = contenders(network, precision, folder, args)
                bar.update()
                for _ in range(args.rounds):
                    for contender in made:
                        contender.run(args.steps)
                        bar.update()
                for contender in made:
                    waits = contender.waits(args.steps) if on_card else None
                    row = [network, precision, contender.title]
                    say(_row(row + _figures(contender, made[0], waits, args)))
                    places = (waits or {}).items()
                    places = [f"{place} ({n:.1f})" for place, n in places]
                    notes += [f"{', '.join(row)}: {', '.join(places)}"]
            del made, contender
            gc.collect()
            if args.compile:
                torch._dynamo.reset()
            if on_card:
                torch.cuda.empty_cache()
    if on_card:
        say("\nWaits of a step, by place:\n")
        for note in notes:
            say(f"- {note}")


def _figures(contender, plain, waits, args):
    """Cells of a row, from the time on."""
    times = contender.times
    middle = statistics.median(times)
    pairs = zip(plain.times, times, strict=True)
    ratio = statistics.median(theirs / ours for theirs, ours in pairs)
    cells = [f"{middle:.1f}", f"{min(times):.1f} to {max(times):.1f}"]
    cells += [f"{ratio:.2f}", f"{1000 * sum(args.batch) / middle:.0f}"]
    cells += ["-" if waits is None else f"{sum(waits.values()):.1f}"]
    compiled = contender.title == "compiled"
    cells += [f"{contender.first_seconds:.1f}" if compiled else "-"]
    if waits is not None:
        cells += [f"{contender.peak / 2**20:.0f}"]
    return cells


def measure_loader(args, say, bar):
    """Prints clips per second from files."""
    say("\n| sound from | loader alone, clips/s | training, clips/s |")
    say("| --- | --- | --- |")
    rates = loader_rates(
        args.batch, args.device, args.loader_batches, args.more
    )
    for sound, (alone, training) in rates.items():
        say(_row([sound, f"{alone:.0f}", f"{training:.0f}"]))
    bar.update()


def measure_processes(args, say, bar):
    """Prints clips per second of several trainings at once."""
    say("\n| processes | clips/s together |")
    say("| --- | --- |")
    for n_processes in args.processes:
        rate = processes_rate(
            n_processes, args.batch, args.device, args.seconds, args.more
        )
        say(_row([str(n_processes), f"{rate:.0f}"]))
        bar.update()


def _row(cells):
    """A line of a table."""
    return f"| {' | '.join(cells)} |"


def _machine(device):
    """Name of the card or the processor."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    about = pathlib.Path("/proc/cpuinfo")
    for line in about.read_text().splitlines() if about.exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _list(text):
    """Parts of a text between commas."""
    return [part for part in text.split(",") if part]


def _numbers(text):
    """Whole numbers between commas."""
    return [int(part) for part in _list(text)]


def read_arguments(words):
    """The command line; what is not given depends on the device."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    on_card = torch.cuda.is_available()
    parser.add_argument("--device", default="cuda:0" if on_card else "cpu")
    parser.add_argument("--networks", type=_list, help=NETWORKS)
    parser.add_argument("--precisions", type=_list, help="fp32,bf16")
    parser.add_argument("--batch", type=_numbers, help="strong,weak,unlabelled")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--steps", type=int, help="of a round")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--from_host", action="store_true")
    parser.add_argument("--tf32", choices=["True", "False"], default="True")
    parser.add_argument("--loader", action="store_true")
    parser.add_argument("--loader_batches", type=int)
    parser.add_argument("--processes", type=_numbers, default=[])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--more", default="", help="further lines of yaml")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=pathlib.Path)
    args = parser.parse_args(words)
    # Memory is counted by a card's number.
    args.device = {"cuda": "cuda:0"}.get(args.device, args.device)
    on_card = args.device.startswith("cuda")
    values = {"networks": _list(NETWORKS), "precisions": ["fp32", "bf16"]}
    values |= {"batch": [32, 32, 64], "rounds": 7, "steps": 20}
    values |= {"n_batches": 4, "loader_batches": 40}
    if not on_card:
        values |= {"batch": [8, 8, 16], "rounds": 5, "steps": 1}
        values |= {"n_batches": 1, "loader_batches": 8}
    if args.quick:
        networks = ["transformer:1", "transformer:2", "conformer:2"]
        values |= {"networks": networks, "precisions": ["fp32"]}
        values |= {"batch": [2, 2, 4], "rounds": 3}
    given = {key: v for key, v in vars(args).items() if v is not None}
    return argparse.Namespace(**{**vars(args), **values, **given})


def main(words=None):
    """Measures and prints."""
    args = read_arguments(words)
    use_tf32(args.tf32 == "True")
    if args.device.startswith("cuda"):
        torch.cuda.set_device(args.device)
    lines = []

    def say(line):
        tqdm.write(line)
        lines.append(line)
        # At once: what is measured survives a failure of what follows.
        if args.out is not None:
            args.out.write_text("\n".join(lines) + "\n", encoding="utf-8")

    today = datetime.date.today().isoformat()
    say(
        f"{_machine(args.device)}, {today}, torch {torch.__version__}, batch "
        f"{'+'.join(map(str, args.batch))}, TF32 {args.tf32}, "
        f"{torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}, "
        f"{args.rounds} rounds of {args.steps} steps\n"
    )
    blocks = 1 + args.rounds * (3 if args.compile else 2)
    total = len(args.networks) * len(args.precisions) * blocks
    total += args.loader + len(args.processes)
    with tqdm(total=total, disable=None) as bar:
        if args.networks:
            measure_steps(args, say, bar)
        if args.loader:
            measure_loader(args, say, bar)
        if args.processes:
            measure_processes(args, say, bar)
    if args.out is not None:
        print(f"\ntable: {args.out}")


if __name__ == "__main__":
    main()
