"""The mind of Companion: what happens, in which order. Start reading at `conversation.py`."""
