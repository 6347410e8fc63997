"""Readers of files of weights."""

import io
import re
import struct

import h5py
import numpy as np
import torch
from keras_files import write_keras
from mutations.plain import files_in, plain_state, plain_torch
from mutations.trial import Reader

from speechbrain_mmsed.inference.weights import load_weights
from speechbrain_mmsed.lobes.auditory.yamnet_weights import read_weights
from speechbrain_mmsed.lobes.visual import keras_file, keras_weights
from speechbrain_mmsed.lobes.visual import weights as visual_weights


def detector_weights(made):
    """The weights in a detector's folder."""
    layer = torch.nn.Linear(3, 2)
    torch.save(layer.state_dict(), made / "network.ckpt")

    def read(folder):
        held = torch.nn.Linear(3, 2)
        load_weights(held, folder / "network.ckpt")
        return plain_state(held.state_dict())

    def obvious(folder):
        return plain_torch(folder / "network.ckpt")

    return Reader(files_in(made), read, obvious)


def network_weights(made):
    """Weights that a user brings along: three ways in which torch saves."""
    from safetensors.torch import load_file, save_file

    state = torch.nn.Linear(3, 2).state_dict()
    torch.save(state, made / "a.pth")
    torch.save(state, made / "b.pth", _use_new_zipfile_serialization=False)
    save_file(state, made / "c.safetensors")
    names = ("a.pth", "b.pth", "c.safetensors")

    def read(folder):
        found = []
        for name in names:
            held, path = torch.nn.Linear(3, 2), folder / name
            loaded = visual_weights.load_weights(path)
            visual_weights.fill_network(held, loaded, path)
            found.append(plain_state(held.state_dict()))
        return found

    def obvious(folder):
        return [
            plain_torch(folder / "a.pth"),
            plain_torch(folder / "b.pth"),
            plain_state(load_file(folder / "c.safetensors")),
        ]

    return Reader(files_in(made), read, obvious)


class Flat:
    """Writes tables of a flatbuffer, front to back."""

    def __init__(self):
        self.data = bytearray(4)

    def table(self, fields):
        """A table of fields: bytes, or a function that writes what is there."""
        present = sorted(fields)
        size = 4 + 2 * (present[-1] + 1) if present else 4
        self.data += bytes(-len(self.data) % 8)
        head, at = len(self.data), len(self.data) + size + (-size % 8)
        places = {field: 8 + 8 * n for n, field in enumerate(present)}
        offsets = [places.get(n, 0) for n in range((size - 4) // 2)]
        body = 8 + 8 * len(present)
        self.data += struct.pack(f"<HH{len(offsets)}H", size, body, *offsets)
        self.data += bytes(at - len(self.data)) + struct.pack("<i", at - head)
        self.data += bytes(body - 4)
        for field, value in fields.items():
            place = at + places[field]
            if not isinstance(value, bytes):
                value = struct.pack("<I", value() - place)
            self.data[place : place + len(value)] = value
        return at

    def vector(self, values, dtype):
        self.data += bytes(-len(self.data) % 8 + 4)
        at = len(self.data)
        values = np.asarray(values, dtype)
        self.data += struct.pack("<I", len(values)) + values.tobytes()
        return at

    def tables(self, many):
        at = self.vector(np.zeros(len(many)), "<u4")
        for number, fields in enumerate(many):
            place = at + 4 + 4 * number
            offset = self.table(fields) - place
            self.data[place : place + 4] = struct.pack("<I", offset)
        return at


def tflite(_):
    """Weights of a network in the form of TensorFlow Lite."""
    flat, rng = Flat(), np.random.default_rng(0)
    shapes = {
        "layer1/conv/kernel": (2, 3, 3, 1),
        "layer1/conv/bias": (2,),
        "layer2/depthwise_conv/kernel": (1, 3, 3, 2),
        "layer2/depthwise_conv/bias": (2,),
        "net/dense/kernel": (3, 2),
        "net/dense/bias": (3,),
    }
    tensors, buffers = [], [{}]
    for number, (name, shape) in enumerate(shapes.items(), 1):
        whole = number % 2
        values = rng.integers(-99, 99, int(np.prod(shape)))
        content = values.astype("i1" if whole else "<f4").tobytes()
        fields = {
            0: lambda s=shape: flat.vector(s, "<i4"),
            1: bytes([9 if whole else 0]),
            2: struct.pack("<I", number),
            3: lambda n=name: flat.vector(list(n.encode()), "u1"),
        }
        if whole:
            fields[4] = lambda: flat.table(
                {
                    2: lambda: flat.vector([0.5], "<f4"),
                    3: lambda: flat.vector([3], "<i8"),
                }
            )
        tensors.append(fields)
        buffers.append({0: lambda c=content: flat.vector(list(c), "u1")})
    root = flat.table(
        {
            2: lambda: flat.tables([{0: lambda: flat.tables(tensors)}]),
            4: lambda: flat.tables(buffers),
        }
    )
    flat.data[:4] = struct.pack("<I", root)

    def read(folder):
        pairs, last = read_weights(folder / "a.tflite")
        if [len(pairs), bool(last)] != [2, True]:
            raise visual_weights.WeightsError("a.tflite: of another network")
        return [[single(v.numpy()) for v in pair] for pair in [*pairs, last]]

    def single(values):
        return values.astype(np.float32)

    def unpack(data, form, at):
        assert 0 <= at <= len(data) - struct.calcsize(form)
        return struct.unpack_from("<" + form, data, at)[0]

    def field(data, table, number):
        head = table - unpack(data, "i", table)
        if 4 + 2 * number >= unpack(data, "H", head):
            return None
        offset = unpack(data, "H", head + 4 + 2 * number)
        return table + offset if offset else None

    def inside(data, table, number):
        """Start and length of the vector in a field."""
        place = field(data, table, number)
        if place is None:
            return 0, 0
        place += unpack(data, "I", place)
        return place + 4, unpack(data, "I", place)

    def many(data, table, number):
        start, count = inside(data, table, number)
        places = range(start, start + 4 * count, 4)
        return [place + unpack(data, "I", place) for place in places]

    def array(data, table, number, form):
        start, count = inside(data, table, number)
        size = struct.calcsize(form)
        return [unpack(data, form, start + n * size) for n in range(count)]

    def obvious(folder):
        data = (folder / "a.tflite").read_bytes()
        root = unpack(data, "I", 0)
        buffers = many(data, root, 4)
        held = {}
        for tensor in many(data, many(data, root, 2)[0], 0):
            place = [field(data, tensor, number) for number in (1, 2)]
            kind = unpack(data, "B", place[0]) if place[0] else 0
            number = unpack(data, "I", place[1]) if place[1] else 0
            start, count = inside(data, buffers[number], 0)
            if not count or kind not in (0, 9):
                continue
            raw = data[start : start + count]
            assert len(raw) == count
            values = np.frombuffer(raw, "i1" if kind else "<f4")
            values = values.astype(np.float32)
            if kind:
                about = field(data, tensor, 4)
                about += unpack(data, "I", about)
                (scale,) = array(data, about, 2, "f")
                zero, *_ = array(data, about, 3, "q")
                assert -128 <= zero <= 127
                values = (values.astype(float) - zero) * scale
            shape = array(data, tensor, 0, "i")
            assert all(side > 0 for side in shape), shape
            name = bytes(array(data, tensor, 3, "B")).decode()
            layer = re.search(r"layer(\d+)/([a-z_]*conv)/", name)
            layer = layer and (int(layer[1]), layer[2])
            if layer or "/dense/" in name:
                held[layer, len(shape)] = single(values.reshape(shape))
        pairs = [[held.pop((None, 2)), held.pop((None, 1))]]
        for layer, size in sorted(held)[::-1]:
            if size == 1:
                deep = layer[1] == "depthwise_conv"
                order = (3, 0, 1, 2) if deep else (0, 3, 1, 2)
                kernel = held[layer, 4].transpose(order)
                pairs.insert(0, [kernel, held[layer, 1]])
        return pairs

    return Reader({"a.tflite": bytes(flat.data)}, read, obvious)


def keras(made):
    """Weights that Keras saved, in the process that reads them."""
    rng = np.random.default_rng(0)
    groups = [
        ("conv", {"kernel": rng.normal(size=(2, 2, 1, 3))}),
        ("bn", {"beta": np.ones(3), "gamma": np.zeros(3)}),
    ]
    write_keras(made / "a.h5", groups)

    def arrays(path):
        """As the program `keras_file` does it, without a new interpreter."""
        try:
            names, found = keras_file.read_layers(path)
        except Exception as error:
            raise ValueError(" ".join(str(error).split())) from error
        made = io.BytesIO()
        np.savez(made, np.array(names, dtype=np.str_), *found)
        with np.load(io.BytesIO(made.getvalue()), allow_pickle=False) as held:
            return dict(held)

    def read(folder):
        keras_weights._arrays = arrays
        found = keras_weights.keras_layers(folder / "a.h5")
        return [(name, [t.numpy() for t in some]) for name, some in found]

    def obvious(folder):
        found = {}
        with h5py.File(folder / "a.h5", "r") as file:
            top = file.get("model_weights", file)
            for layer in top.attrs["layer_names"]:
                layer = layer if isinstance(layer, str) else layer.decode()
                for name in top[layer].attrs["weight_names"]:
                    name = name if isinstance(name, str) else name.decode()
                    values = np.asarray(top[layer][name])
                    assert values.dtype.kind == "f", values.dtype
                    values = values.astype(np.float32)
                    assert np.isfinite(values).all()
                    found.setdefault(layer, []).append(values)
        return list(found.items())

    return Reader(files_in(made), read, obvious, alone=True)


READERS = (detector_weights, network_weights, tflite, keras)
