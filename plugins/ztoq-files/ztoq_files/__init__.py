"""Reads and writes projects as files for ztoq; each plugin is a module or folder of its own."""
