"""Trains convolutional networks, measures them through the serving path and publishes them into models/."""
