"""Detection in many files: what to listen to, results on disk, what failed.

Authors
 * The speechbrain_mmsed authors, 2026
"""
