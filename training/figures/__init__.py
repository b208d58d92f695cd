"""Pictures of networks and of scores: each figure a function from plain arrays to a Matplotlib `Figure`.

The only importer of Matplotlib beside `search/plots.py`. No figure knows a file, a network or a data set: `anatomy.py`
takes the arrays out of networks, `of_run.py` and `training/assessment/drawing.py` say which figures belong together.

Axes of arrays: N pictures, C channels, H rows, W columns, K classes, U hidden units, T tiles.
"""
