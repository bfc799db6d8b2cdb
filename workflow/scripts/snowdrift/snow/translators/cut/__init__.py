"""CUT: one-sided translation by contrast between places of a picture."""
