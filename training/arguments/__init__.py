"""What each command of `python -m training` takes; `training/commands` does it.

One file per group of commands, and nothing heavy is imported here, so that `--help` is quick.
"""
