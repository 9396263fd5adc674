"""What the Makefile runs: set-up, notebooks, the build, the server, the check."""
