"""The only writer of links: domains, broadcasts, minting, reports and the ledger, over HTTP."""
