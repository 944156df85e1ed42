"""The relay adapter: its pure rooms by themselves, and the whole of it against a real rtpengine."""
