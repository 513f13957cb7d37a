"""The app of the tutorials: Flask's development server, predict_proba in the view."""

import os
import sys

import joblib
import numpy as np
from flask import Flask, Response, jsonify, request

app = Flask(__name__)
model = joblib.load(os.environ["BENCH_MODEL"])
classes = model.classes_.tolist()
fields = os.environ["BENCH_FIELDS"].split(",")


@app.route("/predict", methods=["POST"])
def predict() -> Response:
    """Predict one wine, or each wine of an array."""
    sent = request.get_json()
    records = sent if isinstance(sent, list) else [sent]
    rows = np.array([[record[field] for field in fields] for record in records])
    predictions = [
        {"prediction": classes[row.argmax()], "probabilities": dict(zip(classes, row, strict=True))}
        for row in model.predict_proba(rows)
    ]
    return jsonify(predictions if isinstance(sent, list) else predictions[0])


if __name__ == "__main__":
    app.run("127.0.0.1", int(sys.argv[1]))
