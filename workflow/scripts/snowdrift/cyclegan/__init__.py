"""The snow CycleGAN: networks, training, weights, and the winter frames it makes."""
