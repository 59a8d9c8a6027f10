"""Whether clicks add up: counts of lanes, ledger, audit, closing a lane."""
