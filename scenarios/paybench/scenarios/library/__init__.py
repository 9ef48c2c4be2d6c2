"""The flows, as scenarios: one file per figure."""
