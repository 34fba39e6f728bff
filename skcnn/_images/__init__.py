"""What comes in: images and labels in any form, as arrays of NumPy.

Nothing here imports Keras, and no function copies all pixels.
"""
