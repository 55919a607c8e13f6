"""Everything that shows the monitor to the outside; it reads the store and never writes transfers."""
