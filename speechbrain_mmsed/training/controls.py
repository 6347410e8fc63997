"""Controls for what a model makes of its streams: those of other clips.

Authors
 * The speechbrain_mmsed authors, 2026
"""

import torch

from speechbrain_mmsed.seeding import derive_generator


def shuffled_controls(stores, clip_ids, seed):
    """Controls whose streams are dealt out anew: name -> stream -> owners.

    Of all streams together, and of each where there are several.
    """
    if not stores:
        return {}
    together = shuffled_owners(stores, clip_ids, seed)
    controls = {"shuffled_streams": {s.stream: together for s in stores}}
    for store in stores if len(stores) > 1 else ():
        owners = shuffled_owners([store], clip_ids, seed)
        controls[f"shuffled_{store.stream}"] = {store.stream: owners}
    return controls


def shuffled_owners(stores, clip_ids, seed):
    """Deals the streams out anew among the clips that have them.

    The control for "does the model use what this stream shows": every clip
    keeps a film, but another clip's. Clips change places only with clips
    that have the same streams.

    Arguments
    ---------
    stores : list
        Stored streams; `status(clip_id)` is "available" where a clip has one.
    clip_ids : iterable of str
        Clips to deal among.
    seed : int
        Seed of the draw.

    Returns
    -------
    dict
        clip id -> the clip whose streams it gets, not its own if there is
        another with the same streams.
    """
    groups = {}
    for clip_id in clip_ids:
        streams = tuple(store.status(clip_id) for store in stores)
        key = tuple(status == "available" for status in streams)
        groups.setdefault(key, []).append(clip_id)
    owners = {}
    generator = derive_generator(seed, "shuffled streams")
    for members in groups.values():
        order = torch.randperm(len(members), generator=generator).tolist()
        # Along a random cycle everyone takes the next one's: nobody its own.
        for place, clip in enumerate(order):
            owners[members[clip]] = members[order[place - 1]]
    return {clip_id: owners[clip_id] for clip_id in clip_ids}
