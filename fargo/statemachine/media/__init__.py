"""The media of a call: descriptions, offer/answer, and the path that the audio takes."""
