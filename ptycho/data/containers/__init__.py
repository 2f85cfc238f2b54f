"""How arrays are taken out of files, NPZ or HDF5: safely, and only as much as is asked for."""
