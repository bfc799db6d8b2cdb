"""What every job needs, whatever its chapter: errors, logs, files, seeds, devices."""
