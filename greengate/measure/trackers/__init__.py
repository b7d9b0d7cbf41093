"""The files of other trackers, one format a module, as declared figures."""
