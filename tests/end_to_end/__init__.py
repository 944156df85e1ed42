"""The whole gateway between real servers and phones, as users see it, from registration to hang-up."""
