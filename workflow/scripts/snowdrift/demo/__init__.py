"""The embedded default: data that the workflow renders when it is given none."""
