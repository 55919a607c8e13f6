"""``backfill``, ``backup``, ``restore`` and ``move``: what changes or copies the database."""

import click

from connext_monitor.cli.options import config_option, json_option

_BLOCK = click.IntRange(min=0, max=2**62)


@click.command()
@config_option()
@click.option("--chain", required=True, metavar="NAME", help="The chain, by its name in the config.")
@click.option("--from", "first", required=True, type=_BLOCK, help="The first block to read.")
@click.option("--to", "last", required=True, type=_BLOCK, help="The last block to read.")
@json_option
def backfill(chain: str, first: int, last: int, *, as_json: bool) -> None:
    """Read the history of a chain from before its watch began: records and statistics, never alerts.

    Both blocks are included. It may run beside a monitor. If it is interrupted, run it again: it continues where it
    stopped.
    """
    from connext_monitor.cli.backfill import read_history

    read_history(chain, first, last, as_json=as_json)


@click.command()
@config_option()
@json_option
def backup(*, as_json: bool) -> None:
    """Make one consistent copy of the database now, also beside a running monitor."""
    from connext_monitor.cli.backup import make_backup

    make_backup(as_json=as_json)


@click.command()
@config_option()
@click.argument("file", metavar="FILE")
@json_option
def restore(file: str, *, as_json: bool) -> None:
    """Replace the database with a backup; the old one is kept aside under a dated name.

    FILE is a backup here, or s3://bucket/prefix/name. It is verified first, and the monitor must not be running.
    """
    from connext_monitor.cli.backup import restore_backup

    restore_backup(file, as_json=as_json)


@click.command()
@config_option()
@click.option("--to", required=True, metavar="DATABASE", help="A file, or a URL such as '${DATABASE_URL}'.")
@json_option
def move(to: str, *, as_json: bool) -> None:
    """Copy the whole database from a file to an empty PostgreSQL database, or back, and compare the two.

    The monitor must be stopped. If it is interrupted, run it again: it continues where it stopped.
    """
    from connext_monitor.cli.move import move_database

    move_database(to, as_json=as_json)
