"""A fitted estimator compiled to ONNX, and the proof that it predicts as its pickle does."""
