"""Each listed change of the rules explains what older rules have recorded, and nothing else.

Stories are told to today's code, and then written down as the older rules did (`older_rules`).
"""
