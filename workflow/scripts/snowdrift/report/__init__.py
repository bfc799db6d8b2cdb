"""Figures and the report page: reads the tables and pictures that the other chapters made."""
