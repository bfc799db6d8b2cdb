"""The config: its schema, defaults and checks, and the page that explains every key."""
