"""A call is exported without a name of anybody in it, and folds; it comes back as a log, or as a test."""
