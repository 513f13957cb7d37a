"""The archive: old predictions as files of Parquet, by model and day, that other programs read.

`layout` has the columns, `files` reads and writes a file, `reading` gives the rows of archive and
store as one. They need pyarrow, which is optional, and obstore where the archive is in an object
store; a worker of the service and the collector import none of them.
"""
