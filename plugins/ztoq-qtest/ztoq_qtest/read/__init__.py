"""Finds, lists and reads objects."""
