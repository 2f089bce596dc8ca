"""What an example is: a text, an image or a sound."""
