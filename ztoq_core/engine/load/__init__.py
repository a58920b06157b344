"""Loading: writes what was mapped into the target, each record at most once."""
