"""The programs that run in the jail: standard library only, imported before the first fork."""
