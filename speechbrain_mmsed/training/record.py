"""What a report must say about the run it comes from.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import importlib.metadata
import os
import subprocess

PACKAGES = ("speechbrain_mmsed", "speechbrain", "torch", "torchaudio")


def git_revision():
    """Revision of the source, if it is a git checkout.

    Returns
    -------
    str or None
        The commit, with "-dirty" if files were changed; None outside git.
    """
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


def run_record(hparams, network, training):
    """Settings, versions and sizes of a run.

    Arguments
    ---------
    hparams : dict
        The loaded yaml of the recipe.
    network : torch.nn.Module
        The student.
    training : dict
        `MeanTeacherBrain.training_record`: what was trained, which may be
        less than the yaml asks for.

    Returns
    -------
    dict
        Plain values that can be written as JSON.
    """
    return {
        "seed": hparams["seed"],
        "git_revision": git_revision(),
        "streams": list(hparams["streams"]),
        "fusion": hparams["fusion"],
        **training,
        "batch": {
            "strong": hparams["batch_strong"],
            "weak": hparams["batch_weak"],
            "unlabelled": hparams["batch_unlabelled"],
        },
        "parameters": sum(p.numel() for p in network.parameters()),
        "data_folder": str(hparams["data_folder"]),
        "versions": {
            name: importlib.metadata.version(name) for name in PACKAGES
        },
    }
