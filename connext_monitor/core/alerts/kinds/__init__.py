"""The kinds of alert, one module each, or one for kinds that share all but a word.

`table` collects what the modules here define: a new kind is a new module.
"""
