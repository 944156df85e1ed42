"""The legs of a call: each folds one protocol and tells the bridge what happened as leg events."""
