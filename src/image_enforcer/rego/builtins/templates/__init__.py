"""Templates as Go's ``text/template`` reads and fills them."""
