"""What the command line's commands do, one module each. Imported only when the command runs, so that `--help` is fast."""
