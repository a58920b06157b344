"""Settings of every test, whichever folder it is in."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# a busy machine makes examples slowly; that says nothing about the code
settings.register_profile("ztoq", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ztoq")
