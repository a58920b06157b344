"""The fields of a qTest project, and how values travel in them."""
