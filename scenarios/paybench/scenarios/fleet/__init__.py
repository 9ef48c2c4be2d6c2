"""A fleet: a town with thousands of devices of all kinds, and the customers who use them in a day.

Reading order: `curve` (when people come), `behaviour` (what they do), `town` (what there is),
`place` (where they wait), `commuter` (a customer's day), `tally` (what is counted), `fleet`.
"""
