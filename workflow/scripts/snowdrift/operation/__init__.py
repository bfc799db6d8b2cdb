"""What a user asks of a study: whether it can run, how it goes, and what it costs."""
