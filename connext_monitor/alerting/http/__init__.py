"""HTTP as all channels use it: one request, its response, timeouts and the pace that a channel asks for."""
