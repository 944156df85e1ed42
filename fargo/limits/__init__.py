"""Decisions on what is let in before the log: limits for users, domains and the gateway in all.

Nothing is written for what is refused here, so its rules are not in the core, whose state is in the log. The levels of
all limits begin anew when the gateway is started.

1. `bucket` has the one decision, a pure function: time is an argument.
2. `ledger` keeps the levels of all users, in bounded memory. `settings` has the limits, as the operator has set them.
3. `gate` applies them to stanzas and events; `tries` to registrations, by what became of earlier ones; `held` remembers
   the presence of users who are not registered; `refused` counts what is refused, for the log's row of each minute.
"""
