"""The units of systemd in deploy/systemd."""

from collections import defaultdict

from servers import ROOT

UNITS = ("adega", "adega-monitor")


def read_unit(name: str) -> dict[str, dict[str, list[str]]]:
    """The values of each setting by section: unlike in an INI file, one may be set repeatedly."""
    read: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    section = ""
    for line in (ROOT / "deploy/systemd" / f"{name}.service").read_text().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, value = line.split("=", 1)
            read[section][key].append(value)
    return read
