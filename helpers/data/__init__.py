"""From a source to batches: drawing and archives, PNG files, index files, splits, `MyDataset`, loaders."""
