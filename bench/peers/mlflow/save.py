"""Save the forest as an MLflow model that answers probabilities."""

import os
import sys

import joblib
import mlflow.sklearn

model = joblib.load(os.environ["BENCH_MODEL"])
mlflow.sklearn.save_model(
    model, sys.argv[1], pyfunc_predict_fn="predict_proba", serialization_format="cloudpickle"
)
