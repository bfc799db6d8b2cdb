"""The study's own training and test domains, which its finding is about."""

TRAIN_DOMAINS = ("vfp", "winter", "mixed")
TEST_DOMAINS = ("vfp", "winter")
