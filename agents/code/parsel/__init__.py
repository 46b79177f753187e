"""Parsel: programs as trees of functions described in words, implemented one component at a time."""
