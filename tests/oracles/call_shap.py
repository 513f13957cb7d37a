"""Explain rows by shap's TreeExplainer: of each NAME.npz beside a NAME.pkl in a folder.

Write what it finds, and the processor time that it took, to NAME-shap.npz.
"""

import pickle
import sys
import time
from pathlib import Path

import numpy as np
import shap

for file in sorted(Path(sys.argv[1]).glob("*.pkl")):
    rows = np.load(file.with_suffix(".npy"))
    explainer = shap.TreeExplainer(
        pickle.loads(file.read_bytes()), feature_perturbation="tree_path_dependent"
    )
    begun = time.process_time()
    values = explainer.shap_values(rows, check_additivity=False)
    np.savez(
        file.with_name(f"{file.stem}-shap.npz"),
        base=np.ravel(explainer.expected_value),
        values=values if values.ndim == 3 else values[..., None],
        seconds=time.process_time() - begun,
    )
