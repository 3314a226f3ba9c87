"""Checking: modules as parsed become modules that can be planned, or every fault in them is reported.

The stages follow each other as OPA's do, and one with faults ends the run. Nothing is evaluated here.
"""
