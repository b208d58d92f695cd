"""What the worker processes of one service agree on: which versions are loaded, and which of them answers."""
