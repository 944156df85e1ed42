"""The leg at the media relay (rtpengine)."""
