"""Who may call, and for which account: keys of the environment, and keys that the API made."""
