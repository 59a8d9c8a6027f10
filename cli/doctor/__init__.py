"""`taptrail doctor`: what every dependency of the processes is like, and what to do about it."""
