"""`taptrail`: the command line, a client of the control API and the way to start the processes."""
