"""Diagrams, one file a notebook that has some: networks drawn from the networks, the field and the course."""
