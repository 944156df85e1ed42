"""The SIP leg as Telepathy's Call1 presents it."""
