"""The snow CycleGAN: networks, training, weights and translation."""
