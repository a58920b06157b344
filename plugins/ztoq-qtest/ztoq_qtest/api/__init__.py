"""The requests of qTest's API v3: credentials, paths, pages, types of object, shapes of answers."""
