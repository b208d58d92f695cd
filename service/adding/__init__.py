"""Brings a network from elsewhere into the models folder: read, asked about, tried, written down, published."""
