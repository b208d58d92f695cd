"""Models on disk become models in memory."""
