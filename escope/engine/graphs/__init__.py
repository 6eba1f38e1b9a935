"""Static structure of source code; knows nothing of recordings, and never compiles or runs what it reads."""
