"""Predict a folder of Parquet over Spark Connect, twice, and write the result: FOLDER, FILE.

A process can be a client of Spark Connect or a driver of Spark, and the tests are the other.
"""

import sys

from pyarrow import parquet
from pyspark.sql import SparkSession

import serving.spark

session = SparkSession.builder.remote("local[2]").getOrCreate()
records = session.read.parquet(sys.argv[1])
first = serving.spark.predict(records, "wine", explain=2).count()  # what is sent is sent once
predicted = serving.spark.predict(records, "wine", explain=2).toArrow()
assert first == predicted.num_rows
parquet.write_table(predicted, sys.argv[2])
session.stop()
