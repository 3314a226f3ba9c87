"""A fake registry: ``server`` holds content and says who may read it, ``faults`` are what may go wrong with it."""
