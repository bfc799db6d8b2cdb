"""What the page says: a function for each section reads what it needs and returns it."""
