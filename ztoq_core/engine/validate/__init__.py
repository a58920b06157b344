"""Validating: proves what the target holds, and brings back what it lacks."""
