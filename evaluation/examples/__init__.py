"""Eudoxus' own example tasks."""
