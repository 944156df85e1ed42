"""Checks that a gateway with this configuration can start and serve: this machine, its programs and its servers.

Rules:

1. A module looks at one concern and yields findings (`finding`): what is wrong and what to do, in a sentence.
2. Nothing is changed. What a gateway holds that runs already is left alone: it is not driven out of the XMPP server.
3. A finding never has a secret.
4. `machine` has what keeps a gateway from starting, and is quick; `fargo run` asks it, too. `connections` has the rest,
   and waits for another program only so long.
"""
