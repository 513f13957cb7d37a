"""Rows that an estimator refuses, such as a code that its encoder has not seen.

An estimator raises for all rows that it is given when one of them is to blame. Which ones are is
found by halving: the calls grow with the rows that are refused, and hardly with those that are not.
"""

import os
import re
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from serving.inputs.schema import Matrix

NOT_FINITE = "the model has no finite answer to this record; its values are too far out"
LONGEST_REASON, LONGEST_READ = 200, 1_000
PATHS = re.compile(r"""(?<![\w.])(?:[A-Za-z]:)?(?:[\\/][\w.@ -]+)*[\\/][\w.@-]+\.\w+""")
LINKS = re.compile(r"\s*\S*https?://\S+")
SCALARS = re.compile(r"\bnp\.\w+\(([^()]*)\)")  # as NumPy shows numbers in a list
OF_RUNTIME = re.compile(r"^.*?(?:Status Message: |: \d+ : \w+ : )(?:\S+\.(?:h|cc):\d+ \S+ )?")
UNKNOWN = "Unknown Category and zeros = 0"  # as ONNX Runtime has it


def compute_or_refuse(
    answering: Callable[[Matrix], Matrix], rows: Matrix, most: int | None = None
) -> tuple[NDArray[np.intp], Matrix, dict[int, str]]:
    """The rows that are answered by their positions, their answers, and why others are refused.

    Parameters
    ----------
    most : int, optional
        After so many refused rows no others are looked for; what was not asked by then is neither
        answered nor refused.
    """
    places: list[NDArray[np.intp]] = []
    answers: list[Matrix] = []
    refused: dict[int, str] = {}
    waiting = [np.arange(len(rows))] if len(rows) else []  # of no rows ONNX Runtime may abort
    while waiting and (most is None or len(refused) < most):
        part = waiting.pop()
        try:
            said = answering(rows[part])
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 # why: estimators and runtimes have errors of their own
            if len(part) == 1:
                refused[int(part[0])] = f"the model refuses this record: {reason(error)}"
            else:
                half = len(part) // 2
                waiting += [part[half:], part[:half]]
        else:
            finite = np.isfinite(said).all(axis=1)
            refused |= dict.fromkeys(part[~finite].tolist(), NOT_FINITE)
            places.append(part[finite])
            answers.append(said[finite])
    if not places:
        return np.empty(0, np.intp), np.empty((0, 1)), refused
    return np.concatenate(places), np.concatenate(answers), refused


def reason(error: BaseException) -> str:
    r"""What an error says, as one clean sentence: no line breaks, paths or links, and not long.

    >>> reason(ValueError("Found unknown categories [3] in column 0 during transform"))
    'Found unknown categories [3] in column 0 during transform'
    >>> reason(ValueError("Input X contains NaN.\nLinearRegression does not accept missing …"))
    'Input X contains NaN'
    """
    text = next((line for line in str(error).splitlines() if line.strip()), "")[:LONGEST_READ]
    if "ONNXRuntimeError" in text:  # without its names for codes, nodes and source files
        text = OF_RUNTIME.sub("", text).replace(UNKNOWN, "it has a category that is not known")
    text = SCALARS.sub(r"\1", PATHS.sub(_file_name, LINKS.sub("", text)))
    text = "".join(sign if sign.isprintable() else " " for sign in text)
    text = " ".join(text.split()).rstrip(". ")
    text = text if len(text) <= LONGEST_REASON else f"{text[: LONGEST_REASON - 1]}…"
    return text or type(error).__name__


def _file_name(path: "re.Match[str]") -> str:
    return os.path.basename(path[0].replace("\\", "/"))  # noqa: PTH119 - it need be no path of here
