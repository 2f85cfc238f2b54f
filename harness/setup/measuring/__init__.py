"""A first run of all scenarios, repeated under small changes: what moves, how far, and which rules that makes."""
