"""Stand-ins for real hardware, each a process of its own behind a real kernel interface.

A driver cannot tell one from the device it plays: it opens a tty, and bytes arrive. So drivers are
tested end to end on a machine with no hardware, and a bench can be tried before its parts arrive.
"""
