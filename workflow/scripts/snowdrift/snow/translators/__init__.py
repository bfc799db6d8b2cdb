"""Ways of making winter, each behind one interface."""
