"""How Hypothesis works here: without a stop-watch, as tests must not depend on the speed of the machine."""

from hypothesis import HealthCheck, settings

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
