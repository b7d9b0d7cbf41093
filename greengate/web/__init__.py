"""One GET over HTTP, with a limit on everything: what meters on a network and live sources of intensity share."""
