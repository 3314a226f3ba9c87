"""The words of the product: references, reviews, decisions, reasons. Frozen values, standard library only, no I/O."""
