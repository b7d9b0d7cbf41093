"""The quarter: what entries of a ledger add up to. Pure: entries go in, an account of a period comes out."""
