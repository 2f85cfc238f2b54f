"""Trials: a scan put to rival suppositions about its positions, by a few sweeps each."""
