"""The command line: a file per command. Commands read their arguments, call a service, print, and return an exit code.

0 allowed or done; 1 denied or failed; 2 wrong use, input or policy; 3 undecided; 130 interrupted.
"""
