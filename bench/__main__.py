"""The bench's commands: `python -m bench --help` lists them."""

from bench import model_commands, serving_commands  # noqa: F401 - they add their commands
from bench.group import main

if __name__ == "__main__":
    main(prog_name="python -m bench")
