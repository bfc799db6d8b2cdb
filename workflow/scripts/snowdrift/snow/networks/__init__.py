"""Networks that turn pictures into pictures, and how they compute fast, for all translators that have one."""
