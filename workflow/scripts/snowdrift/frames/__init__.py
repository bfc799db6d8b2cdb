"""Frames and style images: readers, checks, tables, splits."""
