"""Benchmarks before they are integers: data sets, specifications, QKeras training, conversion.

Only :mod:`~netsurf.frontend.model`, :mod:`~netsurf.frontend.train` and
:mod:`~netsurf.frontend.convert` touch TensorFlow, inside their functions, and run in a process
of their own. Data sets and specifications need NumPy and nothing heavier, so that every
engine can load its test inputs in milliseconds.
"""
