"""The revisions, each as it was when it was written: they import nothing of the schema of today."""
