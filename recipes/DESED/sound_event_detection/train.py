#!/usr/bin/env python3
"""Recipe for sound event detection on DESED from sound and partial video.

One encoder per stream, a decoder whose cross-attentions are blended with
weights that are zero for what a clip lacks, mean-teacher training on
strongly, weakly and unlabelled clips (Boes & Van hamme 2022).

To run it, for audio only and for a system with one visual stream:
> python train.py hparams/transformer.yaml --data_folder /data/DESED
> python train.py hparams/transformer.yaml --data_folder /data/DESED \
      --prepared_folder PREPARED --streams '[openl3]'

Read from the bottom.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import copy
import functools
import os
import sys

import speechbrain as sb
import torch
from desed_prepare import prepare_desed
from speechbrain.dataio.batch import PaddedBatch
from speechbrain.dataio.dataset import DynamicItemDataset
from speechbrain.utils.distributed import if_main_process, run_on_main
from torch.utils.data import ConcatDataset

from speechbrain_mmsed.augment.mixup import mixup_groups
from speechbrain_mmsed.dataio.corpus.clips import (
    clip_labels,
    clip_waveform,
    read_manifest,
)
from speechbrain_mmsed.dataio.corpus.logmel_cache import LogMelCache
from speechbrain_mmsed.dataio.corpus.sampler import SubsetBatchSampler
from speechbrain_mmsed.dataio.corpus.statistics import training_statistics
from speechbrain_mmsed.dataio.streams.reading import open_streams, read_clip
from speechbrain_mmsed.evaluation.reports.spectrogram import clip_spectrogram
from speechbrain_mmsed.evaluation.run import evaluate_run
from speechbrain_mmsed.files import write_text
from speechbrain_mmsed.inference.export import export_detector
from speechbrain_mmsed.nnet.fusion import renormalise, split_remainder
from speechbrain_mmsed.seeding import derive_generator
from speechbrain_mmsed.training.checks import check_sizes
from speechbrain_mmsed.training.continuation import (
    check_continuation,
    note_settings,
    training_settings,
)
from speechbrain_mmsed.training.hparams import read_hparams
from speechbrain_mmsed.training.losses import classification_losses
from speechbrain_mmsed.training.mean_teacher import MeanTeacherBrain
from speechbrain_mmsed.training.monitor import MultiLabelF1
from speechbrain_mmsed.training.record import run_record
from speechbrain_mmsed.training.scoring import (
    inference_weights,
    score_run,
    shuffled_owners,
)

TRAIN_SUBSETS = ["strong", "weak", "unlabelled"]
TEST_SUBSETS = ["validation", "evaluation"]
ALL_SUBSETS = TRAIN_SUBSETS + TEST_SUBSETS
# With these a run may go on although they changed; with no others.
FREE_SETTINGS = [
    *("data_folder", "output_folder", "save_folder", "prepared_folder"),
    *("streams_folder", "scores_folder", "train_log", "train_logger"),
    *("tensorboard_logger", "log_interval", "expected_counts", "skip_prep"),
    *("max_missing_fraction", "packed_streams", "number_of_epochs"),
    *("epoch_counter", "num_workers", "ckpt_interval_minutes"),
    *("checkpointer", "validation_weight", "inference_weights"),
    *("scoring_batch_size", "control_untrained", "control_shuffled_streams"),
    *("class_groups", "export_teacher"),
]


class SoundEventBrain(MeanTeacherBrain):
    """Student and teacher on log-mel sound and further streams."""

    def inputs(self, batch):
        """Moves a batch to the device and runs the front end once.

        Arguments
        ---------
        batch : PaddedBatch
            waveform (B, samples) or log_mel (B, F, M), stream_<name>
            (B, T, D), available (B, S).

        Returns
        -------
        tuple
            Standardised log-mel (B, F, M), list of streams, availability.
        """
        batch = batch.to(self.device)
        if self.hparams.use_logmel_cache:
            log_mel = self.modules.frontend.standardise(batch.log_mel)
        else:
            log_mel = self.modules.frontend(batch.waveform)
        streams = [batch[f"stream_{name}"] for name in self.hparams.streams]
        return log_mel, streams, batch.available

    def compute_forward(self, batch, stage):
        """Logits of student and teacher, and the labels, mixed alike."""
        log_mel, streams, available = self.inputs(batch)
        weak, strong = batch.weak, batch.strong
        n_streams = available.shape[1]
        if stage == sb.Stage.TRAIN:
            groups = mixup_groups(batch.subset_index, available)
            plan = self.hparams.mixup.draw(groups, self.step_key)
            if plan is not None:
                log_mel, weak, strong, *streams = (
                    plan.apply(x) for x in (log_mel, weak, strong, *streams)
                )
            generator = derive_generator(*self.step_key, "fusion")
            weights = self.hparams.training_fusion.draw(n_streams, generator)
        else:
            weights = split_remainder(self.hparams.validation_weight, n_streams)
        weights = renormalise(weights.to(self.device), available)
        outputs = self.student_and_teacher(log_mel, streams, available, weights)
        return *outputs, weak, strong

    def compute_objectives(self, predictions, batch, stage):
        """Cross entropies of the student and consistency with the teacher."""
        student, teacher, weak, strong = predictions
        if stage == sb.Stage.TRAIN:
            losses = classification_losses(
                student, weak, strong, batch.subset_index, TRAIN_SUBSETS
            )
            return self.total_loss(losses, student, teacher)
        for name, (clip_logits, frame_logits) in (
            ("student", student),
            ("teacher", teacher),
        ):
            self.monitors[f"{name}_clip_f1"].append(clip_logits, weak)
            self.monitors[f"{name}_frame_f1"].append(frame_logits, strong)
        bce = torch.nn.functional.binary_cross_entropy_with_logits
        return bce(student[0].float(), weak) + bce(student[1].float(), strong)

    def on_stage_start(self, stage, epoch=None):
        """Fresh figures for each pass over the validation clips."""
        super().on_stage_start(stage, epoch)
        names = ("student_clip_f1", "student_frame_f1")
        names += ("teacher_clip_f1", "teacher_frame_f1")
        self.monitors = {name: MultiLabelF1() for name in names}

    def on_stage_end(self, stage, stage_loss, epoch=None):
        """Adds the F1 figures at threshold 0.5 to what is logged."""
        if stage == sb.Stage.VALID:
            self.track({k: m.summarize() for k, m in self.monitors.items()})
        super().on_stage_end(stage, stage_loss, epoch)


def dataio_prep(hparams, stores, owners=None):
    """Datasets of all subsets, with the pipelines that read a clip.

    Arguments
    ---------
    hparams : dict
        The loaded yaml.
    stores : list of StreamStore
        Stored streams in the order of hparams["streams"].
    owners : dict, optional
        clip id -> the clip whose streams it gets (a control).

    Returns
    -------
    dict
        subset -> DynamicItemDataset.
    """
    names, widths = hparams["streams"], hparams["stream_widths"]
    frontend = hparams["frontend"]
    cache_folder = os.path.join(hparams["prepared_folder"], "log_mel")
    cache = LogMelCache(cache_folder, frontend)

    @sb.utils.data_pipeline.takes("wav")
    @sb.utils.data_pipeline.provides("waveform")
    def sound_pipeline(wav):
        return clip_waveform(wav, frontend)

    @sb.utils.data_pipeline.takes("id", "wav")
    @sb.utils.data_pipeline.provides("log_mel")
    def log_mel_pipeline(clip_id, wav):
        make = functools.partial(clip_waveform, wav, frontend)
        return cache.read_or_make(clip_id, make, source=wav)

    @sb.utils.data_pipeline.takes("id")
    @sb.utils.data_pipeline.provides(
        *(f"stream_{name}" for name in names), "available"
    )
    def stream_pipeline(clip_id):
        owner = owners[clip_id] if owners else clip_id
        features, available = read_clip(
            stores, owner, widths, hparams["n_frames"]
        )
        return (*features, available) if names else available

    @sb.utils.data_pipeline.takes("subset", "events", "tags", "duration")
    @sb.utils.data_pipeline.provides("weak", "strong", "subset_index")
    def label_pipeline(subset, events, tags, duration):
        weak, strong = clip_labels(
            events,
            tags,
            duration,
            hparams["class_labels"],
            hparams["n_frames"],
            hparams["frame_hop"],
        )
        index = ALL_SUBSETS.index(subset)
        return weak, strong, torch.tensor(index)

    sound_key = "log_mel" if hparams["use_logmel_cache"] else "waveform"
    keys = ["id", "filename", "duration", "video_status", sound_key]
    keys += [f"stream_{name}" for name in names]
    keys += ["available", "weak", "strong", "subset_index"]
    pipelines = [
        sound_pipeline,
        log_mel_pipeline,
        stream_pipeline,
        label_pipeline,
    ]
    return {
        subset: DynamicItemDataset.from_json(
            manifest_path(hparams, subset),
            dynamic_items=pipelines,
            output_keys=keys,
        )
        for subset in ALL_SUBSETS
    }


def manifest_path(hparams, subset):
    """Where preparation wrote the manifest of a subset."""
    folder = os.path.join(hparams["prepared_folder"], "manifests")
    return os.path.join(folder, f"{subset}.json")


def open_stores(hparams):
    """Opens the chosen streams, or stops if one does not cover the corpus."""
    clips = [read_manifest(manifest_path(hparams, s)) for s in ALL_SUBSETS]
    return open_streams(
        hparams["streams_folder"],
        hparams["streams"],
        hparams["stream_widths"],
        [clip_id for manifest in clips for clip_id in manifest],
        packed=hparams["packed_streams"],
        n_frames=hparams["n_frames"],
    )


def spectrograms(hparams):
    """Log-mel of evaluation clips by file name, for the report's pictures."""
    manifest = read_manifest(manifest_path(hparams, "evaluation"))
    files = {clip["filename"]: clip["wav"] for clip in manifest.values()}
    frontend = hparams["frontend"].cpu()
    return lambda name: clip_spectrogram(files[name], frontend)


def train(brain, hparams, datasets):
    """Trains on batches with a fixed share of each subset."""
    collate = functools.partial(PaddedBatch, padded_keys=[])
    sampler = SubsetBatchSampler(
        [len(datasets[subset]) for subset in TRAIN_SUBSETS],
        [
            hparams["batch_strong"],
            hparams["batch_weak"],
            hparams["batch_unlabelled"],
        ],
        hparams["batches_per_epoch"],
        hparams["seed"],
    )
    # Brain calls set_epoch on this; without it all epochs were the same.
    brain.train_sampler = sampler
    brain.fit(
        hparams["epoch_counter"],
        ConcatDataset([datasets[subset] for subset in TRAIN_SUBSETS]),
        datasets["validation"],
        train_loader_kwargs={
            "batch_sampler": sampler,
            "num_workers": hparams["num_workers"],
            "collate_fn": collate,
        },
        valid_loader_kwargs=scoring_loader_kwargs(hparams),
    )


def scoring_loader_kwargs(hparams):
    """Loader arguments for clips in the order of the manifest."""
    return {
        "batch_size": hparams["scoring_batch_size"],
        "num_workers": hparams["num_workers"],
        "collate_fn": functools.partial(PaddedBatch, padded_keys=[]),
    }


def score(brain, hparams, stores, datasets, untrained):
    """Writes the scores of student, teacher and controls."""
    weights = inference_weights(
        1 + len(hparams["streams"]), hparams["inference_weights"]
    )
    writing = {
        "labels": hparams["class_labels"],
        "frame_hop": hparams["frame_hop"],
    }
    models = {"student": brain.student, "teacher": brain.teacher}
    controls = []
    if hparams["control_untrained"]:
        models["untrained"] = untrained
        controls.append("untrained")
    load = functools.partial(
        brain.make_dataloader,
        stage=sb.Stage.TEST,
        ckpt_prefix=None,
        **scoring_loader_kwargs(hparams),
    )
    loaders = {subset: load(datasets[subset]) for subset in TEST_SUBSETS}
    folder = hparams["scores_folder"]
    score_run(models, loaders, weights, brain.inputs, folder, **writing)
    if hparams["control_shuffled_streams"] and hparams["streams"]:
        clips = read_manifest(manifest_path(hparams, "evaluation"))
        available = {
            clip: tuple(store.status(clip) == "available" for store in stores)
            for clip in clips
        }
        owners = shuffled_owners(available, hparams["seed"])
        shuffled = dataio_prep(hparams, stores, owners)["evaluation"]
        score_run(
            {"shuffled_streams": brain.student},
            {"evaluation": load(shuffled)},
            weights,
            brain.inputs,
            folder,
            **writing,
        )
        controls.append("shuffled_streams")
    return controls


def export(brain, hparams, stores, resolved_yaml, report):
    """Writes the folder from which a detector is loaded."""
    models = {"student": brain.student}
    if hparams["export_teacher"]:
        models["teacher"] = brain.teacher
    folder = export_detector(
        os.path.join(hparams["output_folder"], "detector"),
        resolved_yaml,
        hparams["frontend"],
        models,
        {store.stream: store.description() for store in stores},
        report,
    )
    print(f"detector: {folder}")


def prepare(hparams):
    """Prepares manifests, ground truth and statistics, on one process."""
    run_on_main(
        prepare_desed,
        kwargs={
            "data_folder": hparams["data_folder"],
            "prepared_folder": hparams["prepared_folder"],
            "class_labels": hparams["class_labels"],
            "subsets": hparams["subset_paths"],
            "clip_seconds": hparams["clip_seconds"],
            "sample_rate": hparams["sample_rate"],
            "max_missing_fraction": hparams["max_missing_fraction"],
            "min_video_coverage": hparams["min_video_coverage"],
            "video_layout": hparams["video_layout"],
            "annotation_tolerance": hparams["annotation_tolerance"],
            "unknown_labels": hparams["unknown_labels"],
            "expected_counts": hparams["expected_counts"],
            "skip_prep": hparams["skip_prep"],
        },
    )
    statistics = {
        "frontend": hparams["frontend"],
        "manifests": [manifest_path(hparams, s) for s in TRAIN_SUBSETS],
        "path": os.path.join(hparams["prepared_folder"], "statistics.npz"),
    }
    run_on_main(training_statistics, kwargs=statistics)
    hparams["frontend"].set_statistics(*training_statistics(**statistics))


def main(arguments):
    """Prepares, trains, scores, tunes, evaluates and exports."""
    hparams_file, run_opts, overrides = sb.parse_arguments(arguments)
    hparams, resolved_yaml = read_hparams(hparams_file, overrides)
    check_sizes(hparams)
    sb.utils.distributed.ddp_init_group(run_opts)
    sb.create_experiment_directory(hparams["output_folder"])
    settings = training_settings(resolved_yaml, FREE_SETTINGS)
    check_continuation(hparams["save_folder"], settings)
    run_on_main(note_settings, args=[hparams["save_folder"], settings])
    record = os.path.join(hparams["output_folder"], "hyperparams.yaml")
    run_on_main(write_text, args=[record, resolved_yaml])

    # Streams that do not cover the corpus stop before the first batch
    prepare(hparams)
    stores = open_stores(hparams)
    datasets = dataio_prep(hparams, stores)

    brain = SoundEventBrain(
        modules=hparams["modules"],
        opt_class=hparams["opt_class"],
        hparams=hparams,
        run_opts=run_opts,
        checkpointer=hparams["checkpointer"],
    )
    untrained = copy.deepcopy(brain.student)
    train(brain, hparams, datasets)

    # Scores to disk, tuning on validation, metrics on evaluation, report
    brain.recover_last()
    if if_main_process():
        controls = score(brain, hparams, stores, datasets, untrained)
        report = evaluate_run(
            hparams["scores_folder"],
            os.path.join(hparams["prepared_folder"], "ground_truth"),
            hparams["output_folder"],
            hparams["class_labels"],
            controls=controls,
            class_groups=hparams["class_groups"],
            metadata=run_record(
                hparams, brain.student, brain.training_record()
            ),
            spectrogram=spectrograms(hparams),
        )
        export(brain, hparams, stores, resolved_yaml, report)


if __name__ == "__main__":
    main(sys.argv[1:])
