"""Live sources of carbon intensity, one file each; for scheduling, never for accounts.

A source knows one service's addresses and shapes. How it is asked (keys, retries, limits, what is kept) is the
courier's; whether its points can be believed is for `greengate.window`.
"""
