"""``python -m paybench``: the command line."""

from paybench.scenarios.cli import main

main()
