"""Scanners: a file per kind of them, and what they share of HTTP.

Nothing of another port may live here. What a scanner's documents mean is ``analysis``'s; these files ask and answer.
"""
