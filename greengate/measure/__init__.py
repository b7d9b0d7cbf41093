"""The comparison protocol, the figures made from it, and the meters."""
