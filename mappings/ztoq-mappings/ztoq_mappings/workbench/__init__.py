"""``ztoq map``: suggest, check, test and show a mapping before anything is written."""
