"""What a corpus holds: tables, preparation, clips, batches."""
