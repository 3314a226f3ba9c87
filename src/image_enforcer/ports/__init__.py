"""What can be swapped: one Protocol a file, a screen long, and the errors of its family."""
