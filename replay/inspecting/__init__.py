"""What the pages of a log show beside single calls: what is looked for, failures in groups, accounts; and the link."""
