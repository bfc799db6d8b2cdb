"""X-rays: the index of the real ones, and the models that learn to make more of them."""
