"""Data: a folder in COCO's layout -> its people -> crops for the network. What each name means stands in its file:

coco (the folder and its people), crops (read, cut, normalise), augment (random changes) and dataset (one item a person)
are for reading; annotations, warp, kept and download make them safe and fast. `python -m hpe_lib.data --help`.
"""

from hpe_lib.data.annotations import annotation_file, boxes_in_image, clean_box, read_annotations, sample, whole_image
from hpe_lib.data.augment import MIRROR_ONLY, Augmentation
from hpe_lib.data.boxes import BoxDataset, Picture, letterbox, list_pictures, move_boxes, shrink
from hpe_lib.data.coco import Person, detected_persons, find, persons
from hpe_lib.data.crops import cut, normalise, read_image
from hpe_lib.data.dataset import CropDataset
from hpe_lib.data.files import credit
from hpe_lib.data.kept import ImageCache, KeptCrops, LastImage
from hpe_lib.data.pictures import PictureDataset, fit_picture
from hpe_lib.data.warp import warp

__all__ = [
    "MIRROR_ONLY",
    "Augmentation",
    "BoxDataset",
    "CropDataset",
    "ImageCache",
    "KeptCrops",
    "LastImage",
    "Person",
    "Picture",
    "PictureDataset",
    "annotation_file",
    "boxes_in_image",
    "clean_box",
    "credit",
    "cut",
    "detected_persons",
    "find",
    "fit_picture",
    "letterbox",
    "list_pictures",
    "move_boxes",
    "normalise",
    "persons",
    "read_annotations",
    "read_image",
    "sample",
    "shrink",
    "warp",
    "whole_image",
]
