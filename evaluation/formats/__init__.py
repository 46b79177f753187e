"""Published file formats of data sets, read into items."""
