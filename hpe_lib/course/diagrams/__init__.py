"""Diagrams: networks drawn from the networks, the field and the course. One idea a figure."""

from hpe_lib.diagrams.course import HISTORY, course_map, timeline
from hpe_lib.diagrams.descriptions import three_descriptions, two_orders
from hpe_lib.diagrams.designs import hourglass, simple_baseline, transformer
from hpe_lib.diagrams.networks import network, network_shapes

__all__ = [
    "HISTORY",
    "course_map",
    "hourglass",
    "network",
    "network_shapes",
    "simple_baseline",
    "three_descriptions",
    "timeline",
    "transformer",
    "two_orders",
]
