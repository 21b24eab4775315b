"""One file per format: tonight's edition in, files in a folder out."""
