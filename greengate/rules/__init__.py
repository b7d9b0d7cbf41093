"""One file a rule kind; each offers `assess(check, metric, evidence, plan) -> Assessment`."""
