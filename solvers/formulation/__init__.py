"""Optimisation models as JSON: sets, parameters, variables, named constraints and an objective, with expressions in a subset of Python.

The modules below import nothing outside the standard library but in :mod:`document`, so that a solver's process starts fast.
"""
