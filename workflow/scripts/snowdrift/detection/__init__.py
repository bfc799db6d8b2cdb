"""YOLOv5 on each training set, evaluated on every test set."""
