"""The listed changes of the rules by topic: which differences each explains."""
