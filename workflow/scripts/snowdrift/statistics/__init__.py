"""Intervals and comparisons, for all chapters alike: of scores, of differences, over clusters and trainings."""
