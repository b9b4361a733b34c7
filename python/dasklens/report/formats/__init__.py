"""A recorded run as files of other tools, a module a format; those with tasks in them are read back.

Each has the tasks as `dasklens.model.taskcells` makes them, and says in words of its own what `about` says.
"""
