"""Imported first by the process: it goes without numpy, as in its image.

Where numpy is installed, which chDB does in a clone, pyarrow imports it with itself, and then pandas with the first
array that it makes: 0.3 s of the first minting and 45 MB, for arrays that nobody hands it.
"""

import sys

# An import of it fails (docs of Python, "The import system"); where something has imported it already, it stays.
sys.modules.setdefault("numpy", None)  # type: ignore[arg-type]
