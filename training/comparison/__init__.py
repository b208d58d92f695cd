"""Several recipes under one protocol: which belong together, what each gave, and whether the claims about them hold."""
