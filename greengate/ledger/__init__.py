"""The append-only record of what was decided and on what evidence."""
