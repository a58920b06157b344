"""``python -m ztoq_core`` is ``ztoq``."""

from __future__ import annotations

from ztoq_core.cli import main

if __name__ == "__main__":
    main()
