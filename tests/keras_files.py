"""Files of weights as Keras writes them."""

import h5py
import numpy as np


def write_keras(path, groups):
    """Writes layers in order: (name, {key: array}) each."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name for name, _ in groups]
        for name, arrays in groups:
            group = file.require_group(name)
            group.attrs["weight_names"] = [f"{name}/{key}:0" for key in arrays]
            for key, values in arrays.items():
                group[f"{name}/{key}:0"] = values.astype(np.float32)
