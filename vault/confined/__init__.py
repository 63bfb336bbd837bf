"""Child processes without keys, files or network, in which bytes from others are read. Knows no format.

`process` starts, watches and ends one; `child` is what it does first; `confine` what it gives up; `frames` how the two
talk.
"""
