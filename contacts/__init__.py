"""Lists of contacts: what a line may hold, and how a list is read, for the command line and the API alike."""
