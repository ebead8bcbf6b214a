"""What a training run is put together from: settings, optimizer, processes, checkpoints, report."""
