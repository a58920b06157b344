"""A corpus of real cases with an invented history, and a judge that imports nothing of ztoq.

``real`` reads the public cases, ``invent`` adds owners, cycles, plans, executions and files,
``expect`` states by hand-written rules what each must become in qTest, ``reading`` reads a qTest
over its public API, ``compare`` names the differences. ``serve`` is the only module here that knows
the Zephyr simulator: it fills it with the corpus.
"""
