"""The pure core: values in, values out. No asyncio, sockets, SQL, logging or clock in here."""
