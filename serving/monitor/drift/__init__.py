"""Data drift: each field and each output of the model, now and in training.

A statistical test is a function and its declaration, in distribution_tests.py or value_tests.py;
detection.py runs all of them.
"""
