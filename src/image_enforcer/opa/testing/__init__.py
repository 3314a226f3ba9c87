"""Running the tests that policies bring along, as ``opa test`` does: finding, running, measuring, reporting."""
