"""The whole gateway between real servers and phones: what a user would see, from registering to hanging up."""
