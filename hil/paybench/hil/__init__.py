"""Real things on the bench: drivers, the codecs they speak, and stand-ins for real hardware."""
