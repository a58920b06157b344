"""Transformation: maps what was extracted and selected, from the store alone."""
