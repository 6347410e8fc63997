"""A training that starts from the weights of an earlier detector.

What fits is taken by what it stands for: encoders by the names of their
streams, rows of the last layer by their classes, the rest by its place. What
has another shape, or no counterpart, is as new as in any training.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import functools
import os
import re

import ruamel.yaml
from speechbrain.utils.distributed import run_on_main
from speechbrain.utils.logger import get_logger

from speechbrain_mmsed.files import read_json, write_json
from speechbrain_mmsed.lobes.frontend import LogMelFrontend
from speechbrain_mmsed.lobes.visual.weights import WeightsError, load_weights
from speechbrain_mmsed.nnet.fusion_settings import PRIMARY
from speechbrain_mmsed.training.hparams import HparamsError

logger = get_logger(__name__)

TABLE_FILE = "started_from.json"
# Of a front end, what a network of another clip length shares all the same.
LENGTHS = ("n_frames", "clip_seconds")
CLASSIFIER = re.compile(r"classifier\.")
# Places in a network that belong to a stream, by its number; what they are.
OF_STREAM = (
    (re.compile(r"(encoders\.)(\d+)(\.)"), 0, "encoder of {}"),
    (re.compile(r"(projections\.)(\d+)(\.)"), 1, "projection of {}"),
    (re.compile(r"(.*\.attentions\.)(\d+)(\.)"), 0, "attention to {}"),
)


def start_from_setting(source, lr_factor, class_labels, streams):
    """The `StartFrom` of a yaml's values, or None without a source."""
    if source is None:
        return None
    return StartFrom(source, lr_factor, class_labels, streams)


class StartFrom:
    """Puts weights of an earlier detector into a Brain before it trains.

    Arguments
    ---------
    source : str
        Folder of an exported detector, or the output folder of a run that has
        one.
    lr_factor : float
        What the learning rate of taken weights is multiplied by; 1: that of
        new ones, 0: they stay as they are.
    class_labels, streams : list of str
        Those of the network that is trained.

    Raises
    ------
    HparamsError
        If there is no detector, or the factor is no number from 0 on.
    """

    def __init__(self, source, lr_factor, class_labels, streams):
        self.source = os.path.realpath(str(source))
        if not isinstance(lr_factor, int | float) or not lr_factor >= 0:
            raise HparamsError(
                f"yaml: start_from_lr_factor is {lr_factor!r}, expected a "
                "number, 0 or more"
            )
        self.lr_factor = lr_factor
        self.labels, self.streams = list(class_labels), list(streams)
        self.table = []

    def settings(self):
        """What a run that resumes must have as well."""
        factor = float(self.lr_factor)
        return {"start_from": self.source, "start_from_lr_factor": factor}

    def check(self, frontend):
        """Stops if the detector cannot be read, or hears something else.

        `frontend` is that of the training, a LogMelFrontend.
        """
        theirs = self._read()[0].settings()
        differing = [
            f"{key} is {value} here and {theirs[key]} there"
            for key, value in frontend.settings().items()
            if key not in LENGTHS and value != theirs[key]
        ]
        if differing:
            raise HparamsError(
                f"start_from {self.source}: its front end is another: "
                f"{'; '.join(differing)}. Set what the detector has"
            )

    def begin(self, brain):
        """Gives the Brain's networks the weights, unless its run resumes.

        Student, teacher and the front end's statistics; the optimiser gets a
        group for what was taken. The table of what became of each part is
        logged and noted beside the checkpoints.
        """
        path = os.path.join(str(brain.checkpointer.checkpoints_dir), TABLE_FILE)
        student = brain.student
        if brain.checkpointer.find_checkpoint() and os.path.isfile(path):
            # Its weights come from the checkpoint.
            noted = read_json(path)
            if not {"parts", "taken"} <= set(noted):
                raise HparamsError(f"{path} is damaged: train anew")
            self.table, taken = noted["parts"], set(noted["taken"])
        else:
            frontend, state, labels, streams = self._read()
            taken = self._take(student, state, labels, streams)
            brain.teacher.load_state_dict(student.state_dict())
            statistics = frontend.state_dict()
            brain.unwrapped("frontend").load_state_dict(statistics)
            noted = {"parts": self.table, "taken": sorted(taken)}
            run_on_main(write_json, args=[path, noted])
            for row in self.table:
                logger.info(f"start_from: {told(row)}")
        if self.lr_factor != 1:
            slow = {id(p) for n, p in student.named_parameters() if n in taken}
            brain.opt_class = functools.partial(
                grouped, brain.opt_class, slow, self.lr_factor
            )

    def record(self):
        """For the report: the source, and what became of each part."""
        return {**self.settings(), "parts": self.table}

    def _read(self):
        """Front end with statistics, weights, class labels and streams."""
        folder = self.source
        if not os.path.isfile(os.path.join(folder, "network.ckpt")):
            folder = os.path.join(folder, "detector")
        try:
            path = os.path.join(folder, "hyperparams.yaml")
            with open(path, encoding="utf-8") as file:
                tree = ruamel.yaml.YAML().load(file)
            node = tree["modules"]["frontend"]
            frontend = LogMelFrontend(**dict(node))
            labels, streams = list(tree["labels"]), list(tree["streams"])
            path = os.path.join(folder, "frontend.ckpt")
            frontend.load_state_dict(_load(path))
            path = os.path.join(folder, "network.ckpt")
            return frontend, _load(path), labels, streams
        except FileNotFoundError:
            raise HparamsError(
                f"start_from: {path} is not there; expected the folder of a "
                "detector, or the output folder of a run that exported one"
            ) from None
        except (
            *(ruamel.yaml.error.YAMLError, WeightsError, OSError, KeyError),
            *(TypeError, ValueError, RuntimeError, AttributeError),
        ) as error:
            text = " ".join(str(error).split())[:300]
            raise HparamsError(
                f"start_from: {path} cannot be read ({text}): export the "
                "detector again"
            ) from error

    def _take(self, student, state, labels, streams):
        """Loads what fits; the names of the weights that were taken."""
        mine, theirs = [PRIMARY, *self.streams], [PRIMARY, *streams]
        own, taken, rows = student.state_dict(), set(), {}
        parameters = dict(student.named_parameters())
        for name, value in own.items():
            other, part = _counterpart(name, mine, theirs)
            found = state.get(other)
            row = rows.setdefault(part, {"part": part, "new": 0, "taken": 0})
            if found is None:
                row["why"] = "the detector has none"
            elif CLASSIFIER.match(name) and labels != self.labels:
                shared = [c for c in self.labels if c in labels]
                if found.shape[1:] == value.shape[1:]:
                    for label in shared:
                        row_of = labels.index(label)
                        value[self.labels.index(label)] = found[row_of]
                row["why"] = (
                    f"other classes; of {len(shared)} with the same label "
                    f"taken over: {', '.join(shared) or 'none'}"
                )
                found = None
            elif found.shape != value.shape:
                row["why"] = (
                    f"shape {tuple(value.shape)} here, "
                    f"{tuple(found.shape)} there"
                )
                found = None
            if found is not None:
                value.copy_(found)
                taken.add(name)
            if name in parameters:
                row["new" if found is None else "taken"] += value.numel()
        self.table = list(rows.values())
        return taken


def grouped(opt_class, slow, lr_factor, parameters):
    """An optimiser with two groups, of which the second learns otherwise.

    Arguments
    ---------
    opt_class : callable
        Makes the optimiser of groups of parameters.
    slow : set of int
        `id` of each parameter whose learning rate is multiplied.
    lr_factor : float
        By what.
    parameters : iterable of torch.nn.Parameter
        All of them.

    Example
    -------
    >>> import torch
    >>> weight, bias = torch.nn.Linear(2, 1).parameters()
    >>> made = grouped(torch.optim.RAdam, {id(bias)}, 0.1, [weight, bias])
    >>> [group.get("lr_factor") for group in made.param_groups]
    [1.0, 0.1]
    """
    groups = {False: [], True: []}
    for parameter in parameters:
        groups[id(parameter) in slow].append(parameter)
    factors = {False: 1.0, True: float(lr_factor)}
    return opt_class(
        [
            {"params": members, "lr_factor": factors[key]}
            for key, members in groups.items()
            if members
        ]
    )


def told(row):
    """A row of the table, in words."""
    text = f"{row['part']}: {row['taken']} weights taken, {row['new']} new"
    return f"{text} ({row['why']})" if "why" in row else text


def _counterpart(name, mine, theirs):
    """Name of a weight in the detector, None without, and its part."""
    for pattern, first, part in OF_STREAM:
        found = pattern.match(name)
        if found:
            stream = mine[int(found[2]) + first]
            part = part.format(stream)
            if stream not in theirs:
                return None, part
            number = theirs.index(stream) - first
            return f"{found[1]}{number}{name[found.end(2) :]}", part
    part = name.partition(".")[0]
    # A gate weighs streams by their places.
    return None if part == "gate" and mine != theirs else name, part


def _load(path):
    """A state dict of finite values, read without running code."""
    state = load_weights(path)
    for name, value in state.items():
        if not value.isfinite().all():
            raise ValueError(f"{name} holds values that are not finite")
    return state
