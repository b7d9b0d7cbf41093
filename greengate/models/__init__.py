"""Models: what they cost by their graph, and running them where they can do no harm."""
