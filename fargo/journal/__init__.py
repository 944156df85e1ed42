"""The gateway's own output: what becomes of calls and accounts, and what the programs that it runs say, in lines."""
