"""How long trials are: CI runs few rounds of the code that `make soak` runs many of."""

import os

SOAK = bool(os.environ.get("PAYBENCH_SOAK"))
FACTOR = 100 if SOAK else 1
FIGURES = []
"""What long trials have counted, a line each; pytest shows them in the end."""


def rounds(count):
    """So many rounds in CI, a hundred times as many in a soak."""
    return count * FACTOR
