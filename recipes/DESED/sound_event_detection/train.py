#!/usr/bin/env python3
"""Recipe for sound event detection on DESED from sound and partial video.

One encoder per stream, a decoder that blends cross-attentions with weights
that are zero for missing streams, a mean teacher on strong, weak and
unlabelled clips (Boes & Van hamme 2022). Read from the bottom.

To run it (audio only; one more stream: --streams '[openl3]'):
> python train.py hparams/transformer.yaml --data_folder /data/DESED

Authors
 * The speechbrain_mmsed authors, 2026
"""

import copy
import functools
import sys

import speechbrain as sb
from desed_prepare import prepare_desed
from speechbrain.dataio.dataset import DynamicItemDataset
from speechbrain.utils.data_pipeline import DynamicItem
from speechbrain.utils.distributed import if_main_process, run_on_main
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.utils.data import ConcatDataset

from speechbrain_mmsed.augment.mixup import mixup_groups
from speechbrain_mmsed.dataio.corpus import clips
from speechbrain_mmsed.dataio.corpus.features import training_statistics
from speechbrain_mmsed.dataio.corpus.sampler import SubsetBatchSampler
from speechbrain_mmsed.dataio.streams.reading import clip_streams
from speechbrain_mmsed.files import run_program
from speechbrain_mmsed.nnet.fusion import clip_weights
from speechbrain_mmsed.seeding import derive_generator
from speechbrain_mmsed.training.controls import shuffled_controls
from speechbrain_mmsed.training.hparams import (
    check_sizes,
    print_help,
    read_hparams,
)
from speechbrain_mmsed.training.mean_teacher import MeanTeacherBrain

TRAIN_SUBSETS = ["strong", "weak", "unlabelled"]
TEST_SUBSETS = ["validation", "evaluation"]


class SoundEventBrain(MeanTeacherBrain):
    """Student and teacher on log-mel sound and further streams."""

    def inputs(self, batch):
        """Log-mel (B, F, M), streams (B, T, D) and availability (B, S)."""
        batch = batch.to(self.device, non_blocking=True)
        if self.hparams.use_logmel_cache:
            log_mel = self.hparams.frontend.standardise(batch.log_mel)
        else:
            log_mel = self.hparams.frontend(batch.waveform)
        streams = [batch[f"stream_{name}"] for name in self.hparams.streams]
        return log_mel, streams, batch.available

    def compute_forward(self, batch, stage):
        """Logits of student and teacher, and the labels, mixed alike."""
        # Drawn and checked on the CPU, where nothing waits for a card
        available, rng, plan = batch.available, None, None
        fusion = self.hparams.validation_fusion
        if stage == sb.Stage.TRAIN:
            key, fusion = self.batch_key, self.hparams.training_fusion
            groups = mixup_groups(batch.subset_index, available)
            plan = self.hparams.mixup.draw(groups, key)
            if self.hparams.stream_dropout is not None:
                drop = self.hparams.stream_dropout
                available = drop(available, self.step_key)
            rng = derive_generator(*key, "fusion")
        weights = self.to_device(clip_weights(fusion, available, rng))
        available = self.to_device(available)
        log_mel, streams, _ = self.inputs(batch)
        mixed = log_mel, batch.weak, batch.strong, *streams
        if plan is not None:
            plan.partner = self.to_device(plan.partner)
            mixed = map(plan.apply, mixed)
        log_mel, weak, strong, *streams = mixed
        outputs = self.student_and_teacher(log_mel, streams, available, weights)
        return *outputs, weak, strong, plan

    def compute_objectives(self, predictions, batch, stage):
        """Cross entropies of the student and consistency with the teacher."""
        student, teacher, weak, strong, plan = predictions
        if stage == sb.Stage.TRAIN:
            losses = self.hparams.classification_losses(
                student, weak, strong, batch.subset_index
            )
            if self.hparams.pseudo_labels is not None:
                losses |= self.hparams.pseudo_labels(student, batch.id, plan)
            return self.total_loss(losses, student, teacher)
        self.monitor.append("student", student, weak, strong)
        self.monitor.append("teacher", teacher, weak, strong)
        return bce(student[0].float(), weak) + bce(student[1].float(), strong)


def dataio_prep(hparams, stores, owners=None):
    """Datasets of all subsets; `owners`, as of `read_clip`, make a control."""
    names = [f"stream_{name}" for name in hparams["streams"]]
    frames = {"n_frames": hparams["n_frames"]}
    # Workers that are started afresh are sent these: functions of modules
    frontend = copy.deepcopy(hparams["frontend"]).cpu()
    sound = functools.partial(clips.clip_waveform, frontend=frontend)
    sound = DynamicItem(["wav"], sound, ["waveform"])
    if hparams["use_logmel_cache"]:
        sound = hparams["log_mel_cache"].read_clip
        sound = DynamicItem(["id", "wav"], sound, ["log_mel"])
    settings = {"widths": hparams["stream_widths"], "owners": owners, **frames}
    streams = functools.partial(clip_streams, stores=stores, **settings)
    settings = {"frame_hop": hparams["frame_hop"], **frames}
    settings["labels"] = hparams["class_labels"]
    labels = functools.partial(clips.clip_labels, **settings)
    subset_index = list(hparams["manifests"]).index
    pipelines = [
        sound,
        DynamicItem(["id"], streams, [*names, "available"]),
        DynamicItem(["events", "tags", "duration"], labels, ["weak", "strong"]),
        DynamicItem(["subset"], subset_index, ["subset_index"]),
    ]
    keys = ["id", "filename", "duration", "video_status", *sound.provides]
    keys += [*names, "available", "weak", "strong", "subset_index"]
    found = {s: clips.read_manifest(p) for s, p in hparams["manifests"].items()}
    return {
        subset: rows and DynamicItemDataset(rows, pipelines, keys)  # or none
        for subset, rows in found.items()
    }


def prepare(hparams):
    """Writes manifests, ground truth and statistics, on one process."""
    run_on_main(prepare_desed, kwargs=hparams["preparation"])
    run_on_main(training_statistics, kwargs=hparams["statistics"])
    statistics = training_statistics(**hparams["statistics"])
    hparams["frontend"].set_statistics(*statistics)


def open_stores(hparams):
    """Opens the chosen streams, or stops if one does not cover the corpus."""
    manifests = map(clips.read_manifest, hparams["manifests"].values())
    clip_ids = [clip_id for manifest in manifests for clip_id in manifest]
    return hparams["open_streams"](clip_ids=clip_ids)


def train(brain, hparams, datasets):
    """Trains on batches with a fixed share of each subset."""
    if hparams["pseudo_labels"] is not None:
        hparams["pseudo_labels"].open(hparams["manifests"], brain.device)
    subsets = [datasets[name] for name in TRAIN_SUBSETS]
    sizes, shares = list(map(len, subsets)), hparams["batch_sizes"]
    batches, seed = hparams["batches_per_epoch"], hparams["seed"]
    sampler = SubsetBatchSampler(sizes, shares, batches, seed, brain.share)
    # Brain calls set_epoch on this; without it all epochs were the same.
    brain.train_sampler, dataset = sampler, ConcatDataset(subsets)
    loader = {"batch_sampler": sampler, **hparams["train_loader"]}
    if hparams["resident"] is not None:
        dataset, loader = hparams["resident"](dataset, loader, brain.device)
    valid = hparams["test_loader"](datasets["validation"])
    epochs = hparams["epoch_counter"]
    brain.fit(epochs, dataset, valid, train_loader_kwargs=loader)


def score(brain, hparams, stores, datasets, untrained):
    """Writes the scores of student, teacher and controls; names controls."""
    write = functools.partial(
        hparams["write_scores"], inputs=brain.inputs, stores=stores
    )
    models = {"student": brain.student, "teacher": brain.teacher}
    controls = {"untrained": untrained} if hparams["control_untrained"] else {}
    tests = {subset: datasets[subset] for subset in TEST_SUBSETS}
    weights = write({**models, **controls}, tests)["student"]
    wanted = stores if hparams["control_shuffled_streams"] else []
    clip_ids = datasets["evaluation"].data_ids
    dealt = shuffled_controls(wanted, clip_ids, hparams["seed"])
    for name, owners in dealt.items():
        shuffled = dataio_prep(hparams, stores, owners)["evaluation"]
        controls[name] = brain.student
        write({name: brain.student}, {"evaluation": shuffled}, weights=weights)
    return list(controls)


def export(brain, hparams, stores, resolved_yaml, report=None):
    """Writes the folder from which a detector is loaded, if that is wanted."""
    if hparams["export"] is None:
        return
    names = ["student", "teacher"] if hparams["export_teacher"] else ["student"]
    hparams["export"](
        resolved_yaml=resolved_yaml,
        models={name: getattr(brain, name) for name in names},
        streams={store.stream: store.description() for store in stores},
        report=report,
    )


def read(arguments):
    """Settings, options of the run and the yaml; wrong ones stop here."""
    print_help(arguments, __file__, "hparams/transformer.yaml")
    hparams_file, run_opts, overrides = sb.parse_arguments(arguments)
    hparams, resolved_yaml = read_hparams(hparams_file, overrides)
    if "variant_of" in hparams:
        hparams = hparams["variant_of"]
    check_sizes(hparams)
    if hparams["run_record"] is not None:
        hparams["run_record"]["check"](hparams, run_opts, resolved_yaml)
    return hparams, run_opts, resolved_yaml


def main(arguments):
    """Prepares, trains, scores, tunes, evaluates and exports."""
    hparams, run_opts, resolved_yaml = read(arguments)
    sb.utils.distributed.ddp_init_group(run_opts)
    sb.create_experiment_directory(hparams["output_folder"])
    record = hparams["run_record"]
    if record is not None:
        record["begin"](hparams, resolved_yaml, run_opts)

    prepare(hparams)
    stores = open_stores(hparams)
    datasets = dataio_prep(hparams, stores)

    guard = hparams["guard"] or (lambda brain_class: brain_class)
    brain = guard(SoundEventBrain)(
        hparams["modules"],
        hparams["opt_class"],
        hparams,
        run_opts,
        hparams["checkpointer"],
        **hparams["mean_teacher"],
    )
    untrained = copy.deepcopy(brain.student)
    if hparams["start"] is not None:
        hparams["start"].begin(brain)
    train(brain, hparams, datasets)

    # Scores to disk, tuning on validation, metrics on evaluation, report
    brain.recover_last()
    if if_main_process():
        export(brain, hparams, stores, resolved_yaml)
        controls = score(brain, hparams, stores, datasets, untrained)
        report = hparams["evaluate"](
            controls=controls,
            metadata=record["describe"](hparams, brain) if record else {},
            streams={store.stream: store.kind for store in stores},
        )
        export(brain, hparams, stores, resolved_yaml, report)


if __name__ == "__main__":
    run_program("train.py", main, sys.argv[1:])
