"""Verify one scenario and a whole suite: examination, localisation, review and calibration."""
