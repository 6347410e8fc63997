"""Where the clock of a film begins, for its pictures and its sound alike.

Authors
 * The speechbrain_mmsed authors, 2026
"""


def zero_of(container):
    """The time of a container that counts as zero seconds.

    Broadcast formats (MPEG-TS, MPEG-PS) begin at any time, so their first
    stamp is the zero. Elsewhere stamps count from zero, and a track that
    starts late does so on purpose.

    Arguments
    ---------
    container : av.container.InputContainer
        An open film.

    Returns
    -------
    float
        Seconds, to be subtracted from the stamps of all tracks.
    """
    import av

    arbitrary = container.format.flags & av.format.Flags.ts_discont.value
    start = container.start_time if arbitrary else None
    return (start or 0) / av.time_base
