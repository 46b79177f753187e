"""Tools that agents may use: each is a name, a sentence, and an act that the journal records."""
