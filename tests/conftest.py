"""Test helpers that pytest has to know of before it reads its command line."""

pytest_plugins = ["pytester"]
