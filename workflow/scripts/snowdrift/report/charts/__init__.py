"""Interactive charts of the page."""
