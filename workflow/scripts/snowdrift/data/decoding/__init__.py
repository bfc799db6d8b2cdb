"""Reading a picture file: whether it is whole, whether all libraries read it alike, and which side is up."""
