"""The body of Companion: one file and one library for each device, real or simulated."""
