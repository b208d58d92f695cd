"""What came out: the report of one run, the figures of several seeds, and the tables made of them."""
