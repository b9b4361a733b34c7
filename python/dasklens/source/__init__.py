"""The only room that knows `distributed.Client`: attach to its scheduler and read from there."""
