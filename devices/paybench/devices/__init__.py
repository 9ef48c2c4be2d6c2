"""What a device is: clock, ports, links, parts, and the devices themselves.

Reading order: `environment` (time), `port` and `link` (speech), `trace` (memory), `world`
(what the devices of one run share), `device`, and then a device: `cash_register`.
"""
