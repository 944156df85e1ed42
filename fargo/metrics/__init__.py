"""The metrics of a running gateway, for Prometheus and others that understand OpenMetrics.

Rules:

1. Metrics follow from what the log has taken, from the calls that have ended (`fargo.journal`), and from what
   `fargo status` shows. Nothing is counted for them elsewhere.
2. No label has the name of a user, a peer or a provider, and each has a limited number of values.
3. docs/operations.md lists every metric. Its name, its labels and their meaning stay as they are.
"""
