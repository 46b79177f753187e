"""Strategies that are made of strategies. Each adds exactly one segment to the path of what runs inside."""
