"""Months of the log that can no longer change, as Parquet in a folder or an object store."""
