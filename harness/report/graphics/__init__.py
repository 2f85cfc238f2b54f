"""What a report draws: pictures of arrays side by side, curves, and ladders of gains."""
