"""Simulators of Zephyr Scale Cloud and qTest Manager, and the demo between them."""
