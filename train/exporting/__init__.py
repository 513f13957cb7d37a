"""Write a version for others: as a model folder of MLflow, or as an ONNX file."""
