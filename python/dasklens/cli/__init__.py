"""What can be done from a shell: each module is one command, with `configure` and `run`."""
