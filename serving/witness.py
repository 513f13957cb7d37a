"""What scikit-learn says of some rows, asked in a process of its own.

A version that ONNX Runtime serves needs scikit-learn once: to hear, as it is loaded, whether both
agree. Asked in a process that ends, scikit-learn (120 MB, a second to import) stays out of the
service, and the compiled model is loaded meanwhile.
"""

import io
import subprocess
import sys
import tempfile

import joblib
import numpy as np

from serving.errors import ArtefactError
from serving.schema import Matrix
from serving.settings import ROOT

TIMEOUT = 120  # seconds


class Witness:
    """Loads a pickle beside us and tells its probabilities.

    Parameters
    ----------
    content : bytes
        The pickled estimator.
    rows : ndarray of float, shape (rows, fields)
    """

    def __init__(self, content: bytes, rows: Matrix) -> None:
        with tempfile.TemporaryFile() as question:
            np.save(question, rows)
            question.write(content)
            question.seek(0)
            command = [sys.executable, "-m", "serving.witness"]
            self.process = subprocess.Popen(
                command, cwd=ROOT, stdin=question, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )

    def probabilities(self) -> Matrix:
        """Wait for the answer.

        Raises
        ------
        ArtefactError
            If the pickle cannot be loaded or used, with what it raised.
        """
        try:
            answer, errors = self.process.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise ArtefactError(f"the pickle was not loaded within {TIMEOUT} s") from None
        if self.process.returncode:
            reason = errors.decode(errors="replace").strip().splitlines() or ["it was ended"]
            raise ArtefactError(f"the pickle cannot be loaded: {reason[-1]}")
        probabilities: Matrix = np.load(io.BytesIO(answer))
        return probabilities


def testify() -> None:
    """Answer the question on standard input."""
    sys.modules["pandas"] = None  # type: ignore[assignment]  # imported if found, and slow
    answer, sys.stdout = sys.stdout.buffer, sys.stderr  # a pickle's code may print
    rows = np.load(sys.stdin.buffer)
    estimator = joblib.load(io.BytesIO(sys.stdin.buffer.read()))
    np.save(answer, estimator.predict_proba(rows))


if __name__ == "__main__":
    testify()
