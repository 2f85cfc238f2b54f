"""Explanations that are changes of where elements are: turned, moved, cut, padded, lost, new, in another order."""
