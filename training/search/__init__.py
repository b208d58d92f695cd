"""Search for the values of a recipe: many short trainings, each with other values, and a report of what they show.

`space.py` says what may be tried, `samplers.py` and `grid.py` what is tried next, `study.py` keeps several workers from
getting in each other's way, `objective.py` trains one trial, `report.py`, `plots.py` and `winner.py` say what came out.
A search sees training and validation pictures only.
"""
