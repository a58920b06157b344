"""``ztoq plugin new``: writes a package with a plugin that runs, its tests and a configuration."""
