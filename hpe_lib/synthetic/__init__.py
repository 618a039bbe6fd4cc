"""People that we draw: the course's built-in data set, in COCO's own format."""

from .activities import ACTIVITIES, LIMITS, pose
from .body import Person, person
from .dataset import VERSION, make
from .figure import dress, wardrobe
from .render import Camera, Solid, shade, trace
from .scenes import photograph, scene, viewpoint

__all__ = [
    "ACTIVITIES",
    "LIMITS",
    "VERSION",
    "Camera",
    "Person",
    "Solid",
    "dress",
    "make",
    "person",
    "photograph",
    "pose",
    "scene",
    "shade",
    "trace",
    "viewpoint",
    "wardrobe",
]
