"""Inputs that people give the installed commands, right ones and wrong ones, as tables.

`python -m tests.inputs` runs them all and prints what each says. A mistake is one line that names
what is wrong, exit status 2, and a folder as it was before; nothing ends in a traceback or hangs.
"""
