"""What each command of `python -m training` does; `training/arguments` says what it takes.

Every function gets the parsed arguments and gives an exit status. Arguments become values here; the work is done by
`pipeline.py` and its like.
"""
