"""Weights that Keras saved are read by a process that can be ended."""

import base64
import gzip
import pathlib
import time
import zlib

import numpy as np
import pytest

from speechbrain_mmsed.lobes.visual import keras_file, keras_weights
from speechbrain_mmsed.lobes.visual.weights import WeightsError

h5py = pytest.importorskip("h5py")
pytestmark = pytest.mark.faults

# A file of four layers of which one byte was changed: HDF5 does not come back.
ENDLESS = (
    "c-rk;O-vI(6rO3jv_K&xF=;`gYapS<h}#wofq+z~)Wir;54~A5jU^&BU=&aGSZ^LZdgREFBgY;"
    "&;;l!H9=&0=^QN7dUD~bCrVH;QlgFE%-FEhSFZ0c`{hnTaGBhwYKuiPz#79Cz#3{gdD*L=W3zm"
    "W{f!*`)dT*^Q0`(!dekl$8p#Ig1RLbmqs(|08qA{xz#8pH(m0UAz2K*@4vPbUs_T$!P18fXz9B"
    "e}1sp0UxXYn`cm-*g`zlAYo1NbPBzcn5Ke>8jka-OEodEb}MSC?rut8?DzUO8W<!Ov^*>nhxq`"
    "~3v}V4PVV54%%xzhB@V8gjla&dL4uz%S3c<N1xi%&7AfBzbsWL*!a@R=(sm-sL~N-dg{V+cE1$"
    "DVx(!{k^j%K`HZi`r>xDTK4^ox}e~jBUYAHpHbmK@%apj{JH;TV|{1VP_Nr)f1lgl%59oGyf))"
    "w!g!y}_?R$Wvl$;3#`oEbj|=1dHsce*c+T73QhQ^3Kh$gD^{aNkrryl|gEsXs;r^Nuha5kKF^3"
    "@#2m}IwKp+qZ1fqMOwZF#x3*VPG4m1DnD6_5hBg;1k5%o3VYC+wP)WJr^<bI8v76!gE!}pzL+P"
    "p8@kEC_p?T0z9i7k&2XXOEn%^BrB+bO0#R>Al6xb-Qvb$g_C=@I=F)afJ~AmMM&u2r9)+3xXpD"
    "9a-(BYA1)ChM`NoXli8Iv<Qzo_bzf)0_9_{5!agT#`|Igayn07HeK&5y{UxE-uex;Y2E=@VC^{"
    "@pRUCvN0jQ`c~_=-AP=(;rh*bo_stm_v7bV7j>S@^@e&L+{trLACb>Ny-jpb1>%TII*X&DI~Ye"
    "8M^+uAPj*)a9ZbkNNaZoYZ8|7&w-<C!=AJVhbQnc0p$@|0J{^>wx=cD~Cf1$~Do*424cBj09aJ"
    "%_Iw;-&9i)EVwUauiPtieI6CHE{aTJ(#7DvYqF^({ftU4$<-CZ4Y7?X97%43AvbdWyN3pyw}>r"
    "4lgA0U@d2Vrra4l2xDCLOf6(4Gz|C2{?R>o=<oI+?fXphO3BkotYTPU@h5qJ#WRbkHA&qfpXW9"
    "95Pujxdg_I><<NR|l0BWF4gP7~wV@6ixMl4$7}M(?Lg%kxQt9u((eL?WWzRgZO$){r#XI)X?gG"
    "<~nk7{cCQ!v5aiFj#TGW6V{DE#UE7se#JL`Q{W%<7fzZ"
)


@pytest.fixture
def weights(tmp_path):
    """Weights of two layers, by their names in the file's order."""
    rng, path = np.random.default_rng(0), tmp_path / "w.h5"
    values = {
        "b": [rng.normal(size=(3, 3, 2, 4)), rng.normal(size=4)],
        "a": [rng.normal(size=5)],
    }
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in values]
        for name, arrays in values.items():
            names = [f"{name}/{number}" for number in range(len(arrays))]
            group = file.create_group(name)
            group.attrs["weight_names"] = [n.encode() for n in names]
            for key, array in zip(names, arrays, strict=True):
                group[key] = array.astype(np.float32)
    return path, values


def test_all_layers_come_in_the_files_order(weights, tmp_path):
    path, values = weights
    (tmp_path / "w.h5.gz").write_bytes(gzip.compress(path.read_bytes()))
    for file in (path, tmp_path / "w.h5.gz"):
        found = keras_weights.keras_layers(file)
        assert [name for name, _ in found] == list(values)
        for (_, tensors), arrays in zip(found, values.values(), strict=True):
            for tensor, array in zip(tensors, arrays, strict=True):
                assert (tensor.numpy() == array.astype(np.float32)).all()


def test_a_file_that_hdf5_does_not_end_on(tmp_path, monkeypatch):
    path = tmp_path / "endless.h5"
    path.write_bytes(zlib.decompress(base64.b85decode(ENDLESS)))
    monkeypatch.setattr(keras_weights, "PATIENCE", 1)
    begin = time.monotonic()
    with pytest.raises(WeightsError, match="endless.h5.*not within 1 s"):
        keras_weights.keras_layers(path)
    assert time.monotonic() - begin < 4


@pytest.mark.slow
def test_a_packed_file_that_expands_without_end(tmp_path, monkeypatch):
    path = tmp_path / "zeros.h5.gz"
    path.write_bytes(20 * gzip.compress(bytes(2**26), 1))
    # The reader is a program of its own: it gets its limit with its text.
    small = tmp_path / "small.py"
    text = pathlib.Path(keras_file.__file__).read_text()
    small.write_text(text.replace("2**32", "2**30"))
    monkeypatch.setattr(keras_file, "__file__", str(small))
    with pytest.raises(
        WeightsError, match="zeros.h5.gz cannot.*(allocate|Memory)"
    ):
        keras_weights.keras_layers(path)


def test_damage_is_one_line(weights, tmp_path):
    whole, path = weights[0].read_bytes(), tmp_path / "damaged.h5"
    with h5py.File(weights[0], "a") as file:
        file["a/a/0"][0] = np.nan
    with pytest.raises(WeightsError, match="a holds NaN or infinity"):
        keras_weights.keras_layers(weights[0])
    for content in (b"", b"\x1f\x8b\x08", whole[: len(whole) // 2], b"x" * 99):
        path.write_bytes(content)
        with pytest.raises(WeightsError, match="damaged.h5 cannot be") as error:
            keras_weights.keras_layers(path)
        assert "\n" not in str(error.value)
