"""Snow: the translators, the winter version of every frame, and the proof that it is whole."""
