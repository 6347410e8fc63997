"""A corpus in memory trains the network that one on disk does."""

import shutil

from recipe_runs import assert_same_weights, not_scored, stopped


def test_a_corpus_in_memory_trains_the_same_network(run, tmp_path):
    settings = {
        "use_logmel_cache": True,
        "log_mel_folder": tmp_path / "log_mel",
        "batches_per_epoch": 4,
    }
    brain = run.recipe.SoundEventBrain
    with not_scored(brain):
        run(name="read", num_workers=1, **settings)
    read = tmp_path / "read"
    settings["corpus_on_device"] = True
    kept = run(name="kept", **settings)
    assert_same_weights(read, kept)

    # Interrupted, and continued out of memory or without.
    often = {"ckpt_interval_minutes": 0, "ckpt_interval_steps": 1}
    with stopped(brain, 2, 3):
        run(name="again", **often, **settings)
    shutil.copytree(tmp_path / "again", tmp_path / "without")
    for name, in_memory in (("again", True), ("without", False)):
        settings["corpus_on_device"] = in_memory
        with not_scored(brain):
            run(name=name, **settings)
        assert_same_weights(read, tmp_path / name)
