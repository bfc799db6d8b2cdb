"""Labelled pictures and style pictures of any layout: readers, checks, tables, splits."""
