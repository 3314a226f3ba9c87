"""Running: plans become Python functions, and evaluations give them a state, limits and documents.

Generated code holds no policy text: only numbered names and constants that are handed in beside it.
"""
