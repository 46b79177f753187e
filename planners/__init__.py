"""Planning: PDDL, the planners that solve it, and LLM+P, which has a model write the problem."""
