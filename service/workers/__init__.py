"""Several processes behind one port: who starts them, how they share connections, and what they count together."""
