"""Numbers that say more than their values: coordinates, units, figures. A file each."""
