"""Factor sets and live sources of carbon intensity."""
