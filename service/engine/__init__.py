"""From the bytes of a picture to probabilities; knows no HTTP and no disk layout."""
