"""How good a reconstruction is, and what every scale did."""
