"""From a deadline that passes to a message that arrives: scheduler, manager, providers."""
