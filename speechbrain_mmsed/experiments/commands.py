"""Commands of runs, from the values of a plan.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import os
import shlex


def filled(values, folder, plan_folder):
    """Values of a plan with the folders it could not know.

    Arguments
    ---------
    values : dict or list or object
        Texts in it may hold {folder} and {plan}.
    folder : str
        Folder of the experiment.
    plan_folder : str
        Folder of the plan's file.

    Returns
    -------
    dict or list or object

    Example
    -------
    >>> filled({"data_folder": "{folder}/corpus", "lr": 0.1}, "/e", "/p")
    {'data_folder': '/e/corpus', 'lr': 0.1}
    """
    if isinstance(values, str):
        named = values.replace("{folder}", folder)
        return named.replace("{plan}", plan_folder)
    if isinstance(values, dict):
        return {k: filled(v, folder, plan_folder) for k, v in values.items()}
    if isinstance(values, list):
        return [filled(value, folder, plan_folder) for value in values]
    return values


def options(overrides):
    """Overrides as arguments of a command.

    Arguments
    ---------
    overrides : dict
        Key of the yaml -> value.

    Returns
    -------
    list of str

    Example
    -------
    >>> options({"streams": ["openl3"], "extractor": {"channels": [8, 8]}})
    ['--streams', '[openl3]', '--extractor', '{channels: [8, 8]}']
    """
    return [
        text
        for key, value in overrides.items()
        for text in (f"--{key}", _yaml_text(value))
    ]


def _yaml_text(value):
    """A value as yaml on one line."""
    if isinstance(value, dict):
        pairs = (f"{key}: {_yaml_text(part)}" for key, part in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_yaml_text(part) for part in value) + "]"
    return "null" if value is None else str(value)


def plain_command(plan, configuration, seed):
    """The run as a user would type it in the recipe's folder.

    Arguments
    ---------
    plan : Plan
        Where programs and yaml are.
    configuration : Configuration
        How to train.
    seed : int
        Seed of the run.

    Returns
    -------
    str
    """
    here = os.path.dirname(plan.program)
    files = [plan.program, plan.base_models[configuration.base]]
    overrides = {**plan.budget, **configuration.overrides(), "seed": seed}
    if not configuration.streams:
        del overrides["streams"]  # audio only is the yaml's default
    words = [os.path.relpath(file, here) for file in files]
    return shlex.join(["python", *words, *options(overrides)])
