"""The report of a store: an HTML page, JSON, tables of all records, and JUnit XML."""
