"""C code that `make sanitize` compiled with AddressSanitizer, in place of what is installed."""

import importlib.util
import os
from pathlib import Path
from types import ModuleType


def use_sanitized(module: ModuleType, name: str) -> None:
    """Let a module call its C code as compiled with a sanitizer, if that is to be tested."""
    if "SANITIZED" in os.environ:
        file = Path(os.environ["SANITIZED"]) / f"{name}.so"
        spec = importlib.util.spec_from_file_location(name, file)
        sanitized = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sanitized)
        vars(module)[name] = sanitized
