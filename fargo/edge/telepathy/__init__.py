"""The edge in front of telepathy-rakia. `kamailio.cfg` in this folder has its rules, with the reason for each.

`settings` adds what differs between sites. A connection of rakia reaches its provider through the edge when it is
requested with the parameters that `routing` returns. They do not contain `account`, `password` and `auth-user`, which
are the account's own.
"""
