"""Messages of the command line in words for people who have no command line."""

import re
from pathlib import Path

from serving.sentence import Said, Sentence

_NAME = r'(?:"[^"]*"|[\w.+/:@%=-]+)'
_REPLACED = (
    (rf"; keep it with --keep {_NAME}(?: or --text {_NAME})?", ""),
    (rf",? or with --keep {_NAME} to use its values as labels", ", or choose the type category"),
    (rf"use their words with --text {_NAME}", "choose the type text to use their words"),
    (rf"Then leave it out with --drop {_NAME}", "Then do not use it"),
    (rf",? (?:with|by) --drop {_NAME}", ""),
    (r"name fewer files or columns \(--drop\)", "send fewer rows or columns"),
    (rf"((?:[Tt]rain )?with(?: --missing {_NAME})+)", lambda found: _missing(found[1])),
    (r"train with --task (\w+)", r"choose the task \1"),
    (r"with --task (\w+)", r"with the task \1"),
    (r"because of --(?:task|drop)", "as it was chosen"),
    (r"name another column with --target", "choose another target"),
    (rf"--missing ({_NAME}): no cell", r"\1 as a missing value: no cell"),
    (rf"--(text|category|number|date) {_NAME}: ", r"the type \1: "),
    (rf"--unit {_NAME}: ", "the unit: "),
    (r"without --with-feedback", "without feedback"),
    (rf"train without --text {_NAME}", "choose another type than text"),
    (r"--([a-z][a-z-]+)", r"\1"),  # of any other
)


def without_options(message: str) -> str:
    """Replace the options of the command line in a message by what to choose.

    >>> without_options("correct it, or train with --missing abc if it stands for a missing value")
    'correct it, or take abc as a missing value if it stands for a missing value'
    """
    for pattern, words in _REPLACED:
        message = re.sub(pattern, words, message)
    return message


class ForPeople:
    """Messages of the command line for people who have none, and what each is made of.

    Parameters
    ----------
    file : Path
        Is called by `name` in messages.

    Attributes
    ----------
    said : dict of str to Said
        What texts are made of, by the text.
    """

    def __init__(self, file: Path, name: str) -> None:
        self._path, self._name = str(file), name
        self.said: dict[str, Said] = {}

    def text(self, message: str) -> str:
        """Return a message without options."""
        text = without_options(message.replace(self._path, self._name))
        if isinstance(message, Sentence):
            said = message.said()
            named = {
                name: each.replace(self._path, self._name) if isinstance(each, str) else each
                for name, each in said.values.items()
            }
            self.said[text] = Said(said.template, named)
        return text


def _missing(options: str) -> str:
    values = re.findall(rf"--missing ({_NAME})", options)
    verb = "Take" if options.startswith("T") else "take"
    return f"{verb} {' and '.join(values)} as {'a ' * (len(values) == 1)}missing value" + "s" * (
        len(values) > 1
    )
