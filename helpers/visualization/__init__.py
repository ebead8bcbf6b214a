"""From numbers and tensors to figures and event files."""
