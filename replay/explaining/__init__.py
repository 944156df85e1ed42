"""Explaining a call to the people who ask why it failed: finding it by what they remember, and telling it in words."""
