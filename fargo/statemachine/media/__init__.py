"""What a call carries: descriptions, offer/answer, and the path that the audio takes."""
