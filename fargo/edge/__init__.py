"""The SIP edge: the kamailio between the gateway and SIP providers. One runs, with the configuration of the engine.

`fargo.edge.telepathy` is the edge in front of telepathy-rakia, `fargo.edge.sip` that of our own user agent. `settings`
and `run` are common to both.
"""
