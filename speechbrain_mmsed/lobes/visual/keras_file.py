"""Reads weights that Keras saved, as a program of its own.

HDF5's library does not come back from some damaged files. `keras_weights`
runs this file and ends it when it takes too long; nothing else of the package
is loaded here.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import gzip
import io
import resource
import sys

# Processor time and addresses that reading may take.
MOST_SECONDS, MOST_BYTES = 60, 2**32


def read_layers(path):
    """The names of the layers, one for each array, and the arrays."""
    import h5py

    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    with gzip.open(path) if packed else open(path, "rb") as file:
        content = io.BytesIO(file.read())
    names, arrays = [], []
    with h5py.File(content, "r") as file:
        group = file.get("model_weights", file)
        for layer in map(_text, group.attrs["layer_names"]):
            for name in map(_text, group[layer].attrs["weight_names"]):
                names.append(layer)
                arrays.append(group[layer][name][()])
    return names, arrays


def _text(name):
    """A name that h5py gives as text or as bytes."""
    return name if isinstance(name, str) else name.decode()


def _main(path):
    """Writes an .npz of the names and the arrays to the standard output."""
    limits = {resource.RLIMIT_CPU: MOST_SECONDS, resource.RLIMIT_AS: MOST_BYTES}
    for which, most in limits.items():
        resource.setrlimit(which, (most, most))
    import numpy as np

    try:
        names, arrays = read_layers(path)
    except Exception as error:  # h5py, gzip and zlib have their own
        sys.exit(" ".join(str(error).split()) or type(error).__name__)
    content = io.BytesIO()
    np.savez(content, np.array(names, dtype=np.str_), *arrays)
    sys.stdout.buffer.write(content.getbuffer())


if __name__ == "__main__":
    del sys.path[0]  # this folder: its names are those of other packages
    _main(sys.argv[1])
