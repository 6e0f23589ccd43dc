# Targets for people. What each needs is installed by test/tools/install-packages.
.PHONY: help
help:
	@echo "make, make install: build and install with PGXS"
