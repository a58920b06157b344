"""Extraction: reads the source into the store, and asks who knows the ids in it by name."""
