"""Reads ``ztoq.toml``, the environment and the options into checked settings.

``config`` is what a run uses, ``reader`` turns tables into objects, ``secrets`` looks up secrets,
``urls`` checks URLs.
"""
