"""A quick F1 during training, at threshold 0.5, no post-processing.

For watching a run only: reported figures come from `evaluation`.

Authors
 * The speechbrain_mmsed authors, 2026
"""


class MultiLabelF1:
    """Accumulates counts over batches; micro-averaged F1 at 0.5.

    Example
    -------
    >>> import torch
    >>> f1 = MultiLabelF1()
    >>> f1.append(torch.tensor([[2.0, -2.0]]), torch.tensor([[1.0, 1.0]]))
    >>> round(f1.summarize(), 4)
    0.6667
    """

    def __init__(self):
        self.true_positives = self.false_positives = self.false_negatives = 0

    def append(self, logits, targets):
        """Counts a batch.

        Arguments
        ---------
        logits : torch.Tensor
            (..., C).
        targets : torch.Tensor
            Same shape, 0 or 1.
        """
        said, true = logits > 0, targets > 0.5
        self.true_positives += int((said & true).sum())
        self.false_positives += int((said & ~true).sum())
        self.false_negatives += int((~said & true).sum())

    def summarize(self):
        """The F1 so far.

        Returns
        -------
        float
            0.0 while nothing was said and nothing was there.
        """
        errors = self.false_positives + self.false_negatives
        twice = 2 * self.true_positives
        return twice / max(twice + errors, 1)
