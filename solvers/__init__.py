"""SMT and MILP: formulations as data, solved by HiGHS, z3 and CP-SAT, checked by an evaluator of our own, explained when impossible."""
