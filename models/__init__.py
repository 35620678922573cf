"""The engines of Companion: one file and one library for each model, real or scripted."""
