"""Pages that people open in a browser, without any other machine."""
