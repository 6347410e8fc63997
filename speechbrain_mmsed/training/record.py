"""What a run was trained with: noted, checked when it resumes, reported.

The same command, given again, continues an interrupted run and scores a
finished one again. With other settings it would report the old network under
the new settings, or train one network with both.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import logging
import os
import subprocess
import warnings

import ruamel.yaml
from speechbrain.utils.distributed import run_on_main

from speechbrain_mmsed.dataio.corpus.preparation import stored_report
from speechbrain_mmsed.files import read_json, write_json, write_text
from speechbrain_mmsed.folders import changed_settings
from speechbrain_mmsed.in_use import claim_folder
from speechbrain_mmsed.training.checks import warn_of_schedules
from speechbrain_mmsed.training.hparams import HparamsError
from speechbrain_mmsed.versions import library_versions

SETTINGS_FILE = "settings.json"
PACKAGES = ("speechbrain_mmsed", "speechbrain", "torch", "torchaudio")
# A run may resume although these changed, and no others: folders,
# logs, loading, what happens after training, and what is made of other keys.
FREE_SETTINGS = (
    *("data_folder", "output_folder", "save_folder", "prepared_folder"),
    *("streams_folder", "scores_folder", "train_log", "train_logger"),
    *("tensorboard_logger", "log_interval", "expected_counts", "skip_prep"),
    *("max_missing_fraction", "packed_streams", "stream_form"),
    *(
        "number_of_epochs",
        "epoch_counter",
        "num_workers",
        "ckpt_interval_minutes",
    ),
    *("checkpointer", "validation_weight", "inference_weights"),
    *("validation_fusion", "weight_search"),
    *("scoring_batch_size", "control_untrained", "control_shuffled_streams"),
    *("class_groups", "evaluate", "export", "export_teacher", "write_scores"),
    *("postprocessing", "detector_postprocessing", "postprocessing_check"),
    *("experiment_name", "log_mel_folder", "manifests", "preparation"),
    *("probe_film", "statistics", "open_streams", "train_loader"),
    *("test_loader", "mean_teacher", "run_record", "log_mel_cache"),
    *("guard", "nonfinite_patience", "damaged_features"),
    # The same batches, since the log-mel cache and streams are float16, too.
    *("corpus_on_device", "resident"),
    # Noted by what they are instead of where they lie.
    *("pseudo_labels_folder", "pseudo_labels_weight"),
    *("pseudo_labels_temperature", "pseudo_labels"),
    *("start_from", "start_from_lr_factor", "start"),
)


def begin_run(hparams, resolved, run_opts):
    """Notes what a run is made with, or stops if the folder is another's.

    From here on no other process can begin a run there.

    Writes hyperparams.yaml, and the settings that a continuation must have;
    `resolved` is the yaml as from `read_hparams`. log.txt keeps what this
    package and SpeechBrain have to say, and of others no debugging.
    """
    run_on_main(claim_folder, args=[hparams["output_folder"]])
    logging.getLogger().setLevel(logging.INFO)
    for name in ("speechbrain", "speechbrain_mmsed"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    # Of every loader and worker; SpeechBrain's collating has no other way.
    warnings.filterwarnings("ignore", "This DataLoader will create")
    warnings.filterwarnings("ignore", module=r"speechbrain\.utils\.data_utils")
    warn_of_schedules(hparams, run_opts)
    settings = training_settings(resolved)
    settings |= _pseudo_label_settings(hparams)
    if hparams.get("start") is not None:
        settings |= hparams["start"].settings()
    check_continuation(hparams["save_folder"], settings)
    run_on_main(note_settings, args=[hparams["save_folder"], settings])
    path = os.path.join(hparams["output_folder"], "hyperparams.yaml")
    run_on_main(write_text, args=[path, resolved])


def training_settings(resolved, free=FREE_SETTINGS):
    """Key -> plain value of all settings but the free ones.

    Tagged nodes of the resolved yaml become ["<tag>", value].

    Example
    -------
    >>> training_settings("a: 1\\nb: !new:x.Y\\n  c: [2]\\nd: 3", ["d"])
    {'a': 1, 'b': ['!new:x.Y', {'c': [2]}]}
    """
    tree = ruamel.yaml.YAML().load(resolved)
    return {k: _plain(v) for k, v in tree.items() if k not in free}


def check_continuation(save_folder, settings):
    """Stops if the folder's run has other settings, and tells which."""
    path = os.path.join(save_folder, SETTINGS_FILE)
    if not _has_checkpoint(save_folder) or not os.path.isfile(path):
        return
    changed = changed_settings(read_json(path), settings)
    if changed:
        told = "".join(
            f"\n  {key}: {_short(before)} there, {_short(now)} now"
            for key, (before, now) in sorted(changed.items())
        )
        raise HparamsError(
            f"{save_folder} holds a run with other settings:{told}\n"
            f"Choose another output_folder, or give the old settings to go "
            f"on with that run."
        )


def note_settings(save_folder, settings):
    """Notes the settings of the run that begins or resumes here."""
    write_json(os.path.join(save_folder, SETTINGS_FILE), settings)


def run_record(hparams, brain):
    """Settings, versions and sizes of a run for its report, plain values.

    The brain tells what was trained, which may be less than the yaml asks.
    """
    return {
        "seed": hparams["seed"],
        "clip_seconds": hparams["clip_seconds"],
        "git_revision": git_revision(),
        "streams": list(hparams["streams"]),
        "fusion": hparams["fusion"],
        **_pseudo_label_settings(hparams),
        **_start(hparams),
        **brain.training_record(),
        "batch": {
            "strong": hparams["batch_strong"],
            "weak": hparams["batch_weak"],
            "unlabelled": hparams["batch_unlabelled"],
        },
        "learnt_from": learnt_from(hparams),
        "parameters": sum(p.numel() for p in brain.student.parameters()),
        "data_folder": str(hparams["data_folder"]),
        "clips_found": clips_found(hparams),
        **damage(hparams),
        "versions": library_versions(PACKAGES),
    }


def learnt_from(hparams):
    """Whose labels taught tags and events: "weak", "strong" or None.

    Example
    -------
    >>> sizes = {"batch_strong": 0, "batch_weak": 8}
    >>> learnt_from({**sizes, "clip_labels_of": None})
    {'tags': 'weak', 'events': None}
    """
    sizes = {name: hparams[f"batch_{name}"] for name in ("strong", "weak")}
    tags = hparams["clip_labels_of"] or ("weak" if sizes["weak"] else "strong")
    teachers = {"tags": tags, "events": "strong"}
    return {head: of if sizes[of] else None for head, of in teachers.items()}


def clips_found(hparams):
    """Subset -> "968 of 1168": clips with sound, of those that are expected.

    That is `expected_counts`, or else what the subset's table lists.
    """
    expected = hparams["expected_counts"] or {}
    counts = stored_report(hparams["prepared_folder"])["subsets"]
    return {
        subset: f"{of['found']} of {expected.get(subset, of['expected'])}"
        for subset, of in counts.items()
    }


def git_revision():
    """The commit of the source, "-dirty" if changed; None outside git."""
    folder, name = os.path.split(os.path.abspath(__file__))

    def git(*arguments):
        done = subprocess.run(
            ["git", "-C", folder, *arguments], capture_output=True, text=True
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        # An installed copy may lie within somebody else's checkout.
        if not git("ls-files", name):
            return None
        return git("describe", "--always", "--dirty") or None
    except OSError:
        return None


def _pseudo_label_settings(hparams):
    """Weight, temperature and hash of the pseudo-labels, or nothing."""
    pseudo = hparams["pseudo_labels"]
    return {} if pseudo is None else pseudo.settings()


def _start(hparams):
    """What the training started from, or nothing."""
    start = hparams.get("start")
    return {} if start is None else {"started_from": start.record()}


def damage(hparams):
    """How many clips went without a stream as it is damaged, or nothing."""
    dropped = getattr(hparams.get("stream_form"), "dropped", {})
    return {"damaged_features": dropped} if dropped else {}


def _has_checkpoint(folder):
    """Whether anything was trained there."""
    if not os.path.isdir(folder):
        return False
    return any(name.startswith("CKPT") for name in os.listdir(folder))


def _short(value):
    """A value that fits into a line; what was built of others is long."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _plain(node):
    """A yaml node without types of the parser."""
    tag = getattr(getattr(node, "tag", None), "value", None)
    if isinstance(node, dict):
        value = {str(key): _plain(item) for key, item in node.items()}
    elif isinstance(node, list):
        value = [_plain(item) for item in node]
    elif isinstance(node, ruamel.yaml.comments.TaggedScalar):
        value = str(node.value)
    elif isinstance(node, bool) or node is None:
        value = node
    elif isinstance(node, int):
        value = int(node)
    elif isinstance(node, float):
        value = float(node)
    else:
        value = str(node)
    return [tag, value] if tag else value
