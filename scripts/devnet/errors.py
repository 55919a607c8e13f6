"""The errors of the devnet."""


class DevnetError(Exception):
    """The devnet cannot do what was asked; the text says why, and where there is one, the cure."""


class RpcError(DevnetError):
    """An anvil answered a request with an error.

    ``code`` is the JSON-RPC code; ``data`` is the revert's return data as hex, or "" where there is none.
    """

    def __init__(self, message: str, *, code: int = 0, data: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.data = data
