"""``python -m ztoq_core.cli`` is ``ztoq``."""

from __future__ import annotations

from ztoq_core.cli import main

if __name__ == "__main__":
    main()
