"""Ways to compare: one file each, with a ``POLICY`` or a ``CONDITION``; ``registry`` finds them."""
