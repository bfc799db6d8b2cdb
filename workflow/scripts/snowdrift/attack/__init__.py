"""The nullifying attack: a barely visible change of a photograph that makes a translator leave it as it is."""
