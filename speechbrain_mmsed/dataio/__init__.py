"""Reading and writing: annotations, media, streams, batches."""
