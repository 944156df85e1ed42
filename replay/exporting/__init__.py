"""Taking a call out of a log under pseudonyms."""
