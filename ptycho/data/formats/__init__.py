"""Reading files of measured data: one small module a format, told apart by what a file holds."""

from ptycho.data.formats.record import DataFile
from ptycho.data.formats.registry import is_single_array, open_data, read_npy, stated_layout

__all__ = ["DataFile", "is_single_array", "open_data", "read_npy", "stated_layout"]
