"""The training doctor: what is seen of a training, checks that judge it, and a catalogue of faults to try it on."""
