"""Copies of the published facts that decisions are made from. Nothing here asks anybody while a decision waits."""
