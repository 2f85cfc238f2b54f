"""Reading files of measured data: one small module a format, told apart by what a file holds."""

from ptycho.data.formats.record import DataFile
from ptycho.data.formats.registry import file_layout, is_single_array, open_data, read_npy

__all__ = ["DataFile", "file_layout", "is_single_array", "open_data", "read_npy"]
