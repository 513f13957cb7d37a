"""Finds rows that an estimator refuses, such as those with a code unknown to its encoder.

An estimator raises an error for all rows at once if one of them is at fault. Those at fault are
found by halving, so the number of calls depends mostly on the number of refused rows.
"""

import os
import re
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from serving.inputs.schema import Matrix

NOT_FINITE = "the model has no finite prediction for this record; its values are too extreme"
LONGEST_REASON, LONGEST_READ = 200, 1_000
PATHS = re.compile(r"""(?<![\w.])(?:[A-Za-z]:)?(?:[\\/][\w.@ -]+)*[\\/][\w.@-]+\.\w+""")
LINKS = re.compile(r"\s*\S*https?://\S+")
SCALARS = re.compile(r"\bnp\.\w+\(([^()]*)\)")  # NumPy's form of numbers in a list
OF_RUNTIME = re.compile(r"^.*?(?:Status Message: |: \d+ : \w+ : )(?:\S+\.(?:h|cc):\d+ \S+ )?")
UNKNOWN = "Unknown Category and zeros = 0"  # in a message of ONNX Runtime


def compute_or_refuse(
    compute: Callable[[Matrix], Matrix], rows: Matrix, max_refused: int | None = None
) -> tuple[NDArray[np.intp], Matrix, dict[int, str]]:
    """Compute the outputs of rows, and find those that the estimator refuses.

    Returns the positions of the rows that were computed, their outputs, and by position the reason
    why a row was refused.

    Parameters
    ----------
    max_refused : int, optional
        The search ends after so many refused rows; the remaining rows are in neither result.
    """
    places: list[NDArray[np.intp]] = []
    outputs: list[Matrix] = []
    refused: dict[int, str] = {}
    # ONNX Runtime may abort if there are no rows.
    waiting = [np.arange(len(rows))] if len(rows) else []
    while waiting and (max_refused is None or len(refused) < max_refused):
        part = waiting.pop()
        try:
            computed = compute(rows[part])
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 # why: estimators and runtimes raise errors of any type
            if len(part) == 1:
                refused[int(part[0])] = f"the model refuses this record: {reason(error)}"
            else:
                half = len(part) // 2
                waiting += [part[half:], part[:half]]
        else:
            finite = np.isfinite(computed).all(axis=1)
            refused |= dict.fromkeys(part[~finite].tolist(), NOT_FINITE)
            places.append(part[finite])
            outputs.append(computed[finite])
    if not places:
        return np.empty(0, np.intp), np.empty((0, 1)), refused
    return np.concatenate(places), np.concatenate(outputs), refused


def reason(error: BaseException) -> str:
    r"""Make one short sentence of an error's text, without line breaks, paths and links.

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
    return os.path.basename(path[0].replace("\\", "/"))  # noqa: PTH119 - the path may be of another system
