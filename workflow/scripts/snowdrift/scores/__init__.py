"""The scores of generated images, each with an interval, and what they can decide."""
