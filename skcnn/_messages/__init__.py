"""What skcnn says to its callers: wording, warnings, errors on wrong calls."""
