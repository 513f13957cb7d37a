"""What Spark raises, in one sentence."""

import re

CLASS = re.compile(r"^(?:[\w$]+\.)*[\w$]*(?:Error|Exception|Refused|Invalid\w+|NotATable): ")
TASK = re.compile(r".*?most recent failure: (?:Lost task [^(]*\([^)]*\) \([^)]*\): )?", re.DOTALL)
JAVA = re.compile(r"\n\s*at .*|\nDriver stacktrace:.*", re.DOTALL)
STATE = re.compile(r"\s*SQLSTATE: \w+\s*$")


def sentence(error: BaseException) -> str:
    r"""Return what failed, without the traces of Java and Python.

    >>> sentence(RuntimeError("Traceback (most recent call last):\n  File\nOSError: no room"))
    'no room'
    """
    cause = getattr(error, "java_exception", None)
    text = str(cause.getMessage() if cause else error)
    text = STATE.sub("", JAVA.sub("", TASK.sub("", text, count=1)))
    lines = [line.strip() for line in text.splitlines() if line.strip()] or [repr(error)]
    last = lines[-1] if "Traceback (most recent call last)" in text else lines[0]
    while (shorter := CLASS.sub("", last)) != last:
        last = shorter
    return last
