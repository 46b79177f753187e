"""Short prompts for a library that brings none, in the words by which the player knows what is asked."""

PROPOSE = "Combine two of the numbers into one, towards 24.\nInput: {numbers}\nPossible next steps:\n"
VALUE = "Evaluate if given numbers can reach 24 (sure/likely/impossible)\n{numbers}\n"
