"""Meters, one file each: what a machine, a card, a plug or a server tells of energy and power."""
