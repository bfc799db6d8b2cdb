"""Static pictures: sheets, plots and drawn boxes, for the page and by themselves."""
