"""The kinds of alert, one module each, or one for kinds that share all but a word."""
