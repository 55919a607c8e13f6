"""The chains: endpoints, one observer per chain, and the transfer checker that records what they see."""
