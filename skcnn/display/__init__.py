"""Pictures of images, of training and of what a classifier gets wrong."""

from skcnn.display._image_grid import ImageGridDisplay

__all__ = ["ImageGridDisplay"]
