"""The product's verbs, written against ports. Only ``decide`` turns what is unknown into a verdict."""
