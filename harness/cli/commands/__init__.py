"""The commands of ``harness``, in groups: each reads its options, calls the room that does the work, and prints."""
