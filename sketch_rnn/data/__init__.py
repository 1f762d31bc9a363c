"""Reading drawings, from files that nobody trusts."""
