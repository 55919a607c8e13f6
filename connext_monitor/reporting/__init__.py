"""What can be looked at from outside; reads the store and never writes transfers."""
