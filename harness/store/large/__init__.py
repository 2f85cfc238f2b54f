"""Goldens too large for git: kept by digest on this machine and in the remote, named by the manifest in git."""
