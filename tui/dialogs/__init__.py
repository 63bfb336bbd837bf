"""What asks in front of a screen: each gives back a value, and Cancel has the focus."""
