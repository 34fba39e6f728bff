"""Files on a disk: written completely or not at all, read within bounds."""
