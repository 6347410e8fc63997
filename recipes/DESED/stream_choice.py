"""Which network stands behind the name of a stream.

A name is one that the yaml gives to an embedder, such as `openl3`;
`timm:<model>`, any network of timm, with local weights;
`<package>.<module>.<Class>`, a user's own frame or sound embedder, built
without arguments (one with arguments is better named in the yaml); or
`import:<folder>`, features that were computed elsewhere.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import difflib
import functools
import importlib
import os

from speechbrain_mmsed.dataio.streams.records import StreamError
from speechbrain_mmsed.folders import plain_name
from speechbrain_mmsed.lobes.auditory import SoundEmbedder
from speechbrain_mmsed.lobes.visual import FrameEmbedder, TimmEmbedder

IMPORT = "import:"
TIMM = "timm:"


def split_streams(specs):
    """Tells streams to be computed from those to be imported.

    Arguments
    ---------
    specs : list of str
        Names as above.

    Returns
    -------
    computed, imported : dict
        Name of the stream's folder -> name as given, or folder of features.

    Raises
    ------
    StreamError
        If it is no list, or two names lead to the same folder.

    Example
    -------
    >>> split_streams(["timm:resnet18", "import:/data/vggish"])
    ({'timm_resnet18': 'timm:resnet18'}, {'vggish': '/data/vggish'})
    """
    if isinstance(specs, str):
        raise StreamError(
            f"streams must be a list such as [openl3], not {specs!r}"
        )
    computed, imported = {}, {}
    for spec in specs:
        is_import, source = spec.startswith(IMPORT), spec.removeprefix(IMPORT)
        name = os.path.basename(source.rstrip("/")) if is_import else spec
        if not name.strip("."):
            raise StreamError(f"{name!r} is no name for a stream")
        name = plain_name(name)
        if name in computed or name in imported:
            raise StreamError(
                f"Two of the streams {list(specs)} would be stored in the "
                f"same folder {name!r}; extract one of them to another "
                f"streams_folder"
            )
        (imported if is_import else computed)[name] = source
    return computed, imported


def build_embedder(spec, embedders, weights_folder):
    """Builds the network of a stream.

    Arguments
    ---------
    spec : str
        Name as above, not `import:`.
    embedders : dict
        Name -> function without arguments that builds an embedder: those
        of the yaml.
    weights_folder : str
        Holds weights of timm's networks, `<model>.safetensors`, `.pth` or
        `.bin`.

    Returns
    -------
    FrameEmbedder or SoundEmbedder

    Raises
    ------
    StreamError, WeightsError
        If there is no such network, or its weights are missing; says which
        there are, and where weights are published.
    """
    if spec.startswith(TIMM):
        return TimmEmbedder(**_timm_arguments(spec, weights_folder))
    if spec in embedders:
        return embedders[spec]()
    if "." not in spec:
        near = difflib.get_close_matches(spec, embedders, 1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise StreamError(
            f"Unknown stream {spec!r}:{hint} `embedders` in the yaml has "
            f"{sorted(embedders)}; timm:<model>, import:<folder> and "
            f"<package>.<module>.<Class> are possible, too"
        )
    return _own_embedder(spec)


def embedder_recipe(spec, embedders, weights_folder):
    """How to build the network of a stream again, as plain values.

    A detector needs it to make the features of training from another film.

    Arguments
    ---------
    spec, embedders, weights_folder
        As for `build_embedder`.

    Returns
    -------
    dict
        "class" (import path) and "arguments" (by name).

    Example
    -------
    >>> embedder_recipe("a.Network", {}, "")
    {'class': 'a.Network', 'arguments': {}}
    """
    if spec.startswith(TIMM):
        kind, arguments = TimmEmbedder, _timm_arguments(spec, weights_folder)
    elif spec in embedders:
        # Without arguments the yaml gives the class, else a partial of it.
        builder = functools.partial(embedders[spec])
        kind, arguments = builder.func, dict(builder.keywords)
    else:
        return {"class": spec, "arguments": {}}
    if arguments.get("weights"):
        arguments["weights"] = os.path.abspath(arguments["weights"])
    path = f"{kind.__module__}.{kind.__qualname__}"
    return {"class": path, "arguments": arguments}


def _timm_arguments(spec, folder):
    """Arguments of a TimmEmbedder; the file of weights need not exist."""
    model = spec.removeprefix(TIMM)
    stem = os.path.join(folder, model)
    files = [f"{stem}.{ending}" for ending in ("safetensors", "pth", "bin")]
    weights = next(filter(os.path.exists, files), files[0])
    return {"name": model, "weights": weights}


def _own_embedder(spec):
    """A user's embedder by its import path."""
    module, _, name = spec.rpartition(".")
    try:
        kind = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise StreamError(
            f"Stream {spec!r}: cannot import {name} from {module} ({error}). "
            f"Set PYTHONPATH to the folder that holds "
            f"{module.split('.')[0]}"
        ) from error
    expected = FrameEmbedder, SoundEmbedder
    if not (isinstance(kind, type) and issubclass(kind, expected)):
        raise StreamError(
            f"Stream {spec!r} is no subclass of speechbrain_mmsed.lobes."
            f"visual.FrameEmbedder or lobes.auditory.SoundEmbedder; derive it "
            f"from one of them"
        )
    return kind()
