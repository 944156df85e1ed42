"""The rest of a log's pages, beside single calls: what is looked for, failures in groups, accounts; and the link."""
