"""Alerts: what can be wrong, what is said about it and to whom, and how it ends.

A kind of alert is whole in one module of `kinds`: its name, its severity, what it is about, its details, its words and
its endings. To add one, write its module, add it to the table in `table`, and test it; everything else asks the table.
"""
