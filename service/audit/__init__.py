"""Checking the ledger from outside: what is exported, what a verifier finds, what a witness keeps."""
