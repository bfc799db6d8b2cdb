"""YOLOv5 on three training domains, evaluated across domains."""
