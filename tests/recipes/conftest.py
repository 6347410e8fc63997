"""A small corpus in DESED's layout, and small runs of the recipe."""

import json
import pathlib

import numpy as np
import pytest
import recipe_runs
import soundfile

from speechbrain_mmsed.dataio.media.frames import probe_video

HPARAMS = (
    pathlib.Path(__file__).resolve().parents[2]
    / "recipes/DESED/sound_event_detection/hparams"
)


@pytest.fixture(scope="session")
def films(tmp_path_factory):
    """A whole film, one of 2 s, one without pictures, and half a one."""
    import av

    folder = tmp_path_factory.mktemp("films")
    for name, seconds in (("whole", 10), ("short", 2), ("blind", 0)):
        with av.open(str(folder / f"{name}.mp4"), "w") as box:
            if seconds:
                video = box.add_stream("libx264", rate=2)
                video.width = video.height = 32
                video.pix_fmt = "yuv420p"
                for i in range(2 * seconds):
                    pixels = np.full((32, 32, 3), 9 * i, np.uint8)
                    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                    box.mux(video.encode(frame))
                box.mux(video.encode())
            else:
                sound = box.add_stream("aac", rate=16000)
                silence = np.zeros((1, 16000), np.int16)
                frame = av.AudioFrame.from_ndarray(silence, "s16", "mono")
                frame.sample_rate = 16000
                box.mux(sound.encode(frame))
                box.mux(sound.encode())
    whole = (folder / "whole.mp4").read_bytes()
    (folder / "half.mp4").write_bytes(whole[: len(whole) // 2])
    return {path.stem: path.read_bytes() for path in folder.iterdir()}


class DesedCorpus:
    """A small corpus in the real layout, and its preparation."""

    LABELS = ["Cat", "Dog"]
    EVENTS = "filename\tonset\toffset\tevent_label\n"
    RATE = 1000
    TABLES = {
        "strong": "metadata/train/synthetic20/soundscapes.tsv",
        "weak": "metadata/train/weak.tsv",
        "unlabelled": "metadata/train/unlabel_in_domain.tsv",
        "validation": "metadata/validation/validation.tsv",
        "evaluation": "metadata/eval/public.tsv",
    }
    FOLDERS = {
        "strong": "train/synthetic20/soundscapes",
        "weak": "train/weak",
        "unlabelled": "train/unlabel_in_domain",
        "validation": "validation",
        "evaluation": "eval/public",
    }

    def __init__(self, folder, recipe):
        self.data, self.out = folder / "data", folder / "out"
        self.recipe = recipe
        self.table(
            "strong", self.EVENTS + "0.wav\t1.0\t3.5\tDog\n1.wav\t\t\t\n"
        )
        self.table(
            "weak",
            "filename\tevent_labels\nYaaaaaaaaaaa_30.000_40.000.wav\tDog,Cat\n",
        )
        self.table("unlabelled", "filename\nYbbbbbbbbbbb_0.000_10.000.wav\n")
        self.table(
            "validation",
            self.EVENTS + "Yccccccccccc_0.000_10.000.wav\t8.0\t10.1\tDog\n"
            "Yddddddddddd_5.000_14.000.wav\t\t\t\n",
        )
        self.table(
            "evaluation",
            self.EVENTS + "eeeeeeeeeee_120_130.wav\t0.5\t1.0\tCat\n"
            "fffffffffff_0_11.wav\t2.0\t11.0\tDog\n",
        )
        for subset, name, seconds in (
            ("strong", "0.wav", 10),
            ("strong", "1.wav", 10),
            ("weak", "Yaaaaaaaaaaa_30.000_40.000.wav", 10),
            ("unlabelled", "Ybbbbbbbbbbb_0.000_10.000.wav", 10),
            ("validation", "Yccccccccccc_0.000_10.000.wav", 10),
            ("validation", "Yddddddddddd_5.000_14.000.wav", 8.7),
            ("evaluation", "eeeeeeeeeee_120_130.wav", 10),
            ("evaluation", "fffffffffff_0_11.wav", 11),
        ):
            self.sound(subset, name, seconds)

    def table(self, subset, text):
        path = self.data / self.TABLES[subset]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def sound(self, subset, name, seconds=10, rate=1000, channels=1, level=0.1):
        path = self.data / "audio" / self.FOLDERS[subset] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        samples = np.full((round(seconds * rate), channels), level)
        soundfile.write(path, samples, rate)
        return path

    def film(self, subset, name, content):
        path = self.data / "video" / self.FOLDERS[subset] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def prepare(self, **more):
        more = {"sample_rate": self.RATE, "probe_film": probe_video, **more}
        return self.recipe.prepare_desed(
            str(self.data), str(self.out), self.LABELS, **more
        )

    def manifest(self, subset):
        return json.loads((self.out / f"manifests/{subset}.json").read_text())

    def files(self):
        return {
            str(p.relative_to(self.out)): (p.stat().st_mtime_ns, p.read_bytes())
            for p in self.out.rglob("*")
            if p.is_file()
        }


@pytest.fixture
def desed(tmp_path, load_recipe):
    recipe = load_recipe("sound_event_detection/desed_prepare.py")
    return DesedCorpus(tmp_path, recipe)


@pytest.fixture
def run(load_recipe, tiny_corpus, without_pictures, tmp_path):
    """Runs train.py in this process; returns its output folder."""
    recipe = load_recipe("sound_event_detection/train.py")
    data, prepared = tiny_corpus

    def start(yaml="quickstart.yaml", name="run", flags=(), **overrides):
        settings = {
            "data_folder": data,
            "prepared_folder": prepared,
            "output_folder": tmp_path / name,
            **recipe_runs.SMALL,
            **overrides,
        }
        arguments = [str(HPARAMS / yaml), "--device", "cpu"]
        arguments += ["--noprogressbar", *flags]
        for key, value in settings.items():
            arguments += [f"--{key}", str(value)]
        recipe.main(arguments)
        return tmp_path / name

    start.recipe, start.corpus = recipe, tiny_corpus
    start.folder = tmp_path
    return start
