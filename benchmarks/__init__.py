"""Measurements: ``python -m benchmarks.NAME [--quick]``; the last line that each prints is one JSON object."""
