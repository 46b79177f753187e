"""The solvers behind a formulation. Each is imported only where it is used, in a process of its own."""
