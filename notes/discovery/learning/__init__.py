"""What is learned from behaviour and from texts: pure functions on arrays."""
