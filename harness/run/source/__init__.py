"""What source is a pipeline's own, which distributions it imports, and what its modules do when they are imported."""
